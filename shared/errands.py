"""Errands: work that a person asked for by one row, which one message names and one worker at a time does.

A kind of errand is a table of such rows. Functions take the session first and never commit; what they promise is that of
`shared.leases`: the row is the truth, and who lost it can change nothing any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from shared import leases
from shared.database import database_time
from shared.errors import LostClaimError
from shared.leases import JobState, Table


@dataclass(frozen=True, slots=True)
class Claim:
    """An errand that is in the hands of one worker; the token is the proof."""

    id: int
    token: str


@dataclass(frozen=True, slots=True)
class Errands:
    """One kind of errand.

    Attributes
    ----------
    name : str
        What one of them is called, also in logs: ``decision``.
    table
        Its rows.
    worn_out : str
        What people are told of one over which workers died; ``{n}`` is the number of attempts.
    """

    name: str
    table: Table
    worn_out: str

    def claim(
        self, session: Session, number: int, *, lease_s: float, max_attempts: int, owner: str | None = None
    ) -> Claim | None:
        """Take an errand; None where someone holds it, it has ended, or its attempts are used up."""
        token, taken = leases.take(session, self.table, [number], owner=owner, lease_s=lease_s, max_attempts=max_attempts)
        return Claim(number, token) if taken else None

    def note(self, session: Session, held: Claim, lease_s: float, **values: object) -> None:
        """Write how far it is and show a sign of life; raises LostClaimError when it was given away."""
        self._change_held(session, held, {**values, "lease_until": database_time(lease_s)})

    def finish(self, session: Session, held: Claim, **values: object) -> None:
        """End it with what came of it; raises LostClaimError when it was given away."""
        self._change_held(session, held, {**values, **leases.ended(JobState.DONE)})

    def fail(self, session: Session, held: Claim, code: str, message: str, reference: str | None = None) -> None:
        """End it with an error for people; raises LostClaimError when it was given away."""
        self._change_held(session, held, leases.ended(JobState.FAILED, code, message, reference))

    def give_back(self, session: Session, held: Claim, delay_s: float) -> None:
        """Put it back into the queue, not to be taken before so many seconds."""
        self._change_held(session, held, leases.given_back(self.table, delay_s))

    def set_aside_exhausted(self, session: Session, max_attempts: int) -> int:
        """Fail those whose last allowed attempt ended without a word; returns their number."""
        return leases.set_aside_exhausted(session, self.table, max_attempts, self.worn_out.format(n=max_attempts))

    def n_in_flight(self, session: Session, resend_after_s: float) -> int:
        """Count those that a worker holds or a recent message announces."""
        held = and_(self.table.state == JobState.RUNNING, self.table.lease_until >= database_time())
        announced = and_(self.table.state == JobState.QUEUED, self.table.sent_at >= database_time(-resend_after_s))
        return session.scalar(select(func.count()).select_from(self.table).where(or_(held, announced))) or 0

    def mark_waiting_as_sent(self, session: Session, limit: int, resend_after_s: float) -> list[int]:
        """Choose the oldest that wait and that no recent message announces, and note that one goes out now."""
        return leases.mark_waiting_as_sent(session, self.table, limit, resend_after_s)

    def mark_as_not_sent(self, session: Session, numbers: Sequence[int]) -> None:
        """Take back the note that a message announces these."""
        leases.mark_as_not_sent(session, self.table, numbers)

    def _change_held(self, session: Session, held: Claim, values: dict[str, object]) -> None:
        if not leases.change_held(session, self.table, held.id, held.token, **values):
            raise LostClaimError(f"{self.name.capitalize()} {held.id} was cancelled, or given to another worker.")
