"""Which of several like processes does what only one may do: an office held under a lease that its holder keeps renewing."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from shared.database import database_time, insert_of
from shared.service_models import LeaderRow

# Who announces work and keeps the house.
SCHEDULER = "scheduler"
# Who keeps the house: held from one time to when it is due again, so that restarts neither put it off nor bring it forward.
HOUSEKEEPING = "housekeeping"


def hold_office(session: Session, office: str, holder: str, lease_s: float) -> bool:
    """Take an office or keep it for so many seconds more; false while another one holds it.

    A holder that slept through its lease may act once more before it asks again: what it does must bear that.
    """
    insert = insert_of(session)(LeaderRow).values(office=office, holder=holder, lease_until=database_time(lease_s))
    free = or_(LeaderRow.holder == holder, LeaderRow.lease_until < database_time())
    change = {"holder": insert.excluded.holder, "lease_until": insert.excluded.lease_until}
    held = insert.on_conflict_do_update(index_elements=[LeaderRow.office], set_=change, where=free).returning(LeaderRow.office)
    return session.scalar(held) is not None


def leave_office(session: Session, office: str, holder: str) -> None:
    """Let the next one take over at once."""
    row = session.get(LeaderRow, office, with_for_update=True)
    if row is not None and row.holder == holder:
        session.delete(row)


def is_office_held(session: Session, office: str) -> bool:
    """Tell whether somebody holds an office."""
    held = (LeaderRow.office == office, LeaderRow.lease_until >= database_time())
    return session.scalar(select(LeaderRow.holder).where(*held)) is not None
