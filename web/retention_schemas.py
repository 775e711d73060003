"""What the API says of how long a submission is kept."""

from datetime import datetime

from pydantic import BaseModel, Field

from shared.retention import Planned


class Retention(BaseModel):
    """How long originals and results of a submission are kept, and what of it was removed."""

    originals_removed_from: datetime | None = Field(
        description="When its uploaded files are removed at the earliest, as it stands; null: never, or with all of it."
    )
    removed_from: datetime | None = Field(description="When all of it is removed at the earliest, as it stands; null: never.")
    n_originals_removed: int = Field(description="Images of it whose bytes were removed; results stay.")
    originals_removed_at: datetime | None = Field(description="When that last happened.")
    originals_removed_after_days: int | None = Field(description="Days for which originals were kept then.")

    @classmethod
    def of(cls, planned: Planned) -> "Retention":
        """Describe what is planned."""
        return cls(
            originals_removed_from=planned.originals_at,
            removed_from=planned.everything_at,
            n_originals_removed=planned.n_removed,
            originals_removed_at=planned.removed_at,
            originals_removed_after_days=planned.removed_after_days,
        )
