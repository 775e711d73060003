"""The queue: workers, what waits, and who uses what."""

from flask import render_template

from web.pages.queue import priority_lines, usage_lines, worker_lines
from web.queue_reading import read_queue
from web.services import services


def queue_page() -> str:
    """Show the queue as it is now, and what was done since midnight."""
    with services().database.reading() as session:
        queue = read_queue(session)
    living = worker_lines(queue.workers, queue.running, queue.now)
    return render_template(
        "queue.html",
        workers=living,
        n_processes=sum(worker.n_processes for worker in living),
        is_led=queue.is_led,
        priorities=priority_lines(queue.shares, queue.now),
        usage=usage_lines(queue.shares, queue.ended, queue.weights),
        jobs_per_min=queue.jobs_per_min,
        n_open=sum(share.n_queued + share.n_running for share in queue.shares),
        has_weights=bool(queue.weights),
    )
