"""Pausing, resuming, cancelling, retrying, keeping and releasing.

Each may be asked for twice: the second time nothing is left to do.
"""

from collections.abc import Sequence

from flask import Response

from shared import actions
from shared.actions import Action, Retried
from shared.log import get_logger
from web.action_schemas import ActionOutcome, ActionOutcomes, ActionRequest, KeepQuery, PauseQuery, RetryQuery
from web.api.blueprint import answer, api_blueprint
from web.described import described_jobs
from web.schemas import ErrorAnswer, IdPath, Job
from web.services import services

logger = get_logger(__name__)
api = api_blueprint("actions", "What people do to work that is handed in.")


@api.post("/submissions/<int:id>/pause", responses={200: ActionOutcome})
def pause_submission(path: IdPath, query: PauseQuery) -> Response:
    """Let nothing more of a submission begin; what runs comes to its end. Files that are added wait as well."""
    return answer(_act(Action.PAUSE, [path.id], person=query.person)[0])


@api.post("/submissions/<int:id>/resume", responses={200: ActionOutcome})
def resume_submission(path: IdPath) -> Response:
    """Let a submission go on."""
    return answer(_act(Action.RESUME, [path.id])[0])


@api.post("/submissions/<int:id>/cancel", responses={200: ActionOutcome})
def cancel_submission(path: IdPath) -> Response:
    """Cancel every job that waits or runs; what is done stays. Files that are added later are analysed."""
    return answer(_act(Action.CANCEL, [path.id])[0])


@api.post("/submissions/<int:id>/retry", responses={200: ActionOutcome})
def retry_submission(path: IdPath, query: RetryQuery) -> Response:
    """Put the failed jobs of a submission, or the cancelled ones, back into the queue."""
    return answer(_act(Action.RETRY, [path.id], retried=query.state)[0])


@api.post("/submissions/<int:id>/keep", responses={200: ActionOutcome})
def keep_submission(path: IdPath, query: KeepQuery) -> Response:
    """Keep a submission for ever, with its originals, whatever the installation removes by age."""
    return answer(_act(Action.KEEP, [path.id], person=query.person)[0])


@api.post("/submissions/<int:id>/release", responses={200: ActionOutcome})
def release_submission(path: IdPath) -> Response:
    """Keep a submission no longer than others are."""
    return answer(_act(Action.RELEASE, [path.id])[0])


@api.post("/submissions/actions", responses={200: ActionOutcomes})
def act_on_submissions(body: ActionRequest) -> Response:
    """Do the same to several submissions: to all of them, or to none where one does not exist."""
    outcomes = _act(body.action, body.submission_ids, person=body.person, retried=body.state)
    return answer(ActionOutcomes(items=outcomes))


@api.post("/jobs/<int:id>/cancel", responses={200: Job, 409: ErrorAnswer})
def cancel_job(path: IdPath) -> Response:
    """Cancel a job that waits or runs; 409 where it has ended otherwise."""
    with services().database.writing() as session:
        (job,) = described_jobs(session, [actions.cancel_job(session, path.id)])
    logger.info("job_cancelled", job_id=job.id, submission_id=job.submission_id)
    return answer(job)


@api.post("/jobs/<int:id>/retry", responses={200: Job, 409: ErrorAnswer})
def retry_job(path: IdPath) -> Response:
    """Put a job that failed or was cancelled back into the queue; 409 where it is done."""
    with services().database.writing() as session:
        (job,) = described_jobs(session, [actions.retry_job(session, path.id)])
    logger.info("job_retried", job_id=job.id, submission_id=job.submission_id)
    return answer(job)


def _act(
    action: Action, submission_ids: Sequence[int], *, person: str | None = None, retried: Retried = "failed"
) -> list[ActionOutcome]:
    with services().database.writing() as session:
        changed = actions.act_on_submissions(session, action, submission_ids, person=person or None, retried=retried)
    for number, n_jobs in changed.items():
        logger.info("submission_changed", action=action, submission_id=number, n_jobs=n_jobs, person=person)
    return [ActionOutcome(submission_id=number, action=action, n_jobs=n_jobs) for number, n_jobs in changed.items()]
