"""The queue: workers, what waits, and who uses what."""

from datetime import datetime

from flask import render_template
from sqlalchemy import select

from shared import election, turns, usage, watching, workers
from shared.database import database_time
from shared.turns import Priority
from web.pages.queue import priority_lines, usage_lines, worker_lines
from web.services import services


def queue_page() -> str:
    """Show the queue as it is now, and what was done since midnight."""
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    with services().database.reading() as session:
        now = session.scalars(select(database_time())).one()
        shares = usage.open_shares(session)
        ended = usage.ended_since(session, midnight)
        weights = {row.name: row.weight for row in turns.group_weights(session)}
        living = worker_lines(workers.living(session), usage.running_jobs(session), now)
        is_led = election.is_office_held(session, election.SCHEDULER)
        rate = watching.jobs_per_s(session, tuple(Priority))
    return render_template(
        "queue.html",
        workers=living,
        n_processes=sum(worker.n_processes for worker in living),
        is_led=is_led,
        priorities=priority_lines(shares, now),
        usage=usage_lines(shares, ended, weights),
        jobs_per_min=60 * rate if rate else None,
        n_open=sum(share.n_queued + share.n_running for share in shares),
        has_weights=bool(weights),
    )
