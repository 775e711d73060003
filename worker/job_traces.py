"""Jobs as traces: each attempt from claim to end, with its stages, linked to the request that handed the file in."""

import time
from collections.abc import Sequence

from shared import tracing
from shared.errors import SaemiError
from shared.jobs import Claim
from shared.tracing import Stage


def trace_job(
    claim: Claim, stages: Sequence[Stage] = (), *, analysis_id: int | None = None, error: BaseException | None = None
) -> None:
    """Trace an attempt at a job that is over now: with an analysis, or by an error."""
    code = error.code if isinstance(error, SaemiError) else "internal_error"
    tracing.record(
        "job",
        claim.claimed_at_s,
        time.time(),
        {
            "saemi.job_id": claim.job_id,
            "saemi.submission_id": claim.submission_id,
            "saemi.source_name": claim.source_name,
            "saemi.attempt": claim.attempts,
            "saemi.analysis_id": analysis_id,
        },
        stages=stages,
        linked=claim.traceparent,
        error=None if error is None else code,
    )
