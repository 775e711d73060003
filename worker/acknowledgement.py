"""A worker whose acknowledgement the broker does not take begins a new connection, instead of waiting for ever.

Celery 5.7 only logs it when an acknowledgement fails because the connection is gone. The message still counts among those that
the worker may hold at most, and while it holds that many kombu does not look at the connection: nobody notices that it is dead,
and the worker lives on without listening.
"""

from typing import Any

from celery.worker.request import Request


class InsistentRequest(Request):  # type: ignore[misc]  # Celery has no types
    """A message in the hands of a worker; an acknowledgement that fails ends the connection, which the consumer then renews."""

    def __init__(self, message: Any, **options: Any) -> None:
        # Errors of these kinds are logged and forgotten; others reach the consumer's loop, which knows what they mean.
        super().__init__(message, **{**options, "connection_errors": ()})
