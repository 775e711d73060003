"""The queue as the facility looks at it."""

from flask import Response

from web.api.blueprint import answer, api_blueprint
from web.queue_reading import read_queue
from web.queue_schemas import Queue
from web.services import services

api = api_blueprint("queue", "Who works, who waits, and who uses what.")


@api.get("/queue", responses={200: Queue})
def show_queue() -> Response:
    """Give the queue as it is now: workers with what they are at, open work by person, and what was done since midnight."""
    with services().database.reading() as session:
        return answer(Queue.of(read_queue(session)))
