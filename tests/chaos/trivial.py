"""Jobs that cost nothing but their way through queue and database: their images were analysed before."""

import hashlib

from sqlalchemy import func, select

from shared import submissions
from shared.leases import JobState
from shared.models import AnalysisRow, JobRow
from tests.chaos.facility import Facility
from tests.chaos.images import Lot, draw

ROWS_PER_TRANSACTION = 500


def hand_in_again(facility: Facility, submission: int, lot: Lot, n_jobs: int) -> None:
    """Add so many jobs, each under a name of its own, for images that the store holds."""
    blobs = [(hashlib.sha256(content).hexdigest(), len(content)) for content in map(draw, lot.numbers)]
    for first in range(0, n_jobs, ROWS_PER_TRANSACTION):
        with facility.database.writing() as session:
            for number in range(first, min(first + ROWS_PER_TRANSACTION, n_jobs)):
                submissions.add_job(session, submission, *blobs[number % len(blobs)], f"again_{number:06}.png")


def outcome(facility: Facility, submission: int) -> dict[str, int]:
    """Count the jobs of a submission that are done with the analysis of their own image, and all others by state."""
    with facility.database.reading() as session:
        right = (JobRow.state == JobState.DONE) & (AnalysisRow.image_sha256 == JobRow.image_sha256)
        query = select(JobRow.state, func.coalesce(right, False), func.count()).outerjoin(JobRow.analysis)
        rows = session.execute(query.where(JobRow.submission_id == submission).group_by(JobRow.state, right))
        return {"right" if is_right else str(state): number for state, is_right, number in rows}
