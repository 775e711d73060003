"""What the API takes and gives where people pause, resume, cancel, retry, keep and release."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.actions import Action, Retried
from web.paging import LARGEST_ID
from web.validation import Line

# Submissions that one request may name.
MOST_SUBMISSIONS = 500


class PauseQuery(BaseModel):
    """Who pauses."""

    model_config = ConfigDict(extra="forbid")

    person: Line | None = Field(None, max_length=200, description="Who pauses it; shown to everybody who waits for it.")


class KeepQuery(BaseModel):
    """Who keeps."""

    model_config = ConfigDict(extra="forbid")

    person: Line | None = Field(None, max_length=200, description="Who keeps it for ever; shown beside it.")


class RetryQuery(BaseModel):
    """Which jobs are taken up again."""

    model_config = ConfigDict(extra="forbid")

    state: Retried = Field("failed", description="Those that failed, or those that were cancelled.")


class ActionRequest(BaseModel):
    """The same for several submissions."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    action: Action
    submission_ids: list[Annotated[int, Field(ge=1, le=LARGEST_ID)]] = Field(min_length=1, max_length=MOST_SUBMISSIONS)
    person: Line | None = Field(None, max_length=200, description="Who pauses or keeps; other actions do not note it.")
    state: Retried = Field("failed", description="What `retry` takes up again.")


class ActionOutcome(BaseModel):
    """What an action changed of a submission; what was so already is no error."""

    submission_id: int
    action: Action
    n_jobs: int = Field(description="Jobs that changed their state by it; 0 for all but `cancel` and `retry`.")


class ActionOutcomes(BaseModel):
    """What an action changed of several submissions, by their numbers."""

    items: list[ActionOutcome]
