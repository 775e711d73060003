"""Errors grouped by who must act: the user, time, or us."""

from typing import Any


class SaemiError(Exception):
    """Base of the errors that carry a message for people."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.details = details


class InputError(SaemiError):
    """The user acts; never retried. Has a stable code and a message that a microscopist can act on."""

    code = "invalid_input"


class NotFoundError(InputError):
    """What was asked for does not exist."""

    code = "not_found"


class TransientError(SaemiError):
    """Time heals it: retried with back-off."""

    code = "temporarily_unavailable"


class ProcessKilledError(TransientError):
    """The process that works on one image was ended from outside: by chance, or by the kernel because of this image."""

    code = "process_killed"


class DecoderKilledError(ProcessKilledError):
    """The process that was ended decoded the image."""

    code = "decoder_killed"


class LostClaimError(SaemiError):
    """The job was given to another worker: the work in hand must be dropped without a trace."""

    code = "claim_lost"


class OutdatedClaimError(SaemiError):
    """What a job works with has changed since it was claimed: what was found is dropped, and the job runs again."""

    code = "claim_outdated"


class DeviceFailedError(TransientError):
    """The computing device does not answer this process any more: a new process may find it well again."""

    code = "device_failed"


class OperatorError(SaemiError):
    """The person who runs the installation acts: a port in use, a full disk, a missing permission."""

    code = "operator_action_needed"
