"""What a person chooses for a submission, the same for all commands that open one."""

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

import click

from cli.client import Saemi
from cli.images import images_option
from cli.model_choice import min_confidence_option
from cli.ranges import NM_PER_PX
from shared.image_names import WhichImages
from shared.turns import Priority
from web.schemas import Submission


@dataclass(frozen=True, slots=True)
class SubmissionChoices:
    """Where the files belong, how they are analysed, and whose turn it is in the queue."""

    project: str | None
    sample: str | None
    nm_per_px: float | None
    model: str | None
    min_confidence: float
    images: WhichImages
    person: str | None
    group: str | None
    priority: Priority

    def with_sample(self, sample: str) -> Self:
        """Return the same choices for a sample, where none is chosen yet."""
        return replace(self, sample=self.sample or sample)

    def require_project(self) -> None:
        """Raise click.UsageError where no project was named."""
        if self.project is None:
            raise click.UsageError("Missing option '--project'.")

    def open(self, saemi: Saemi) -> Submission:
        """Open a submission."""
        self.require_project()
        return saemi.open_submission(**asdict(self))


OPTIONS = (
    click.option("--project", help="Project the micrographs belong to."),
    click.option("--sample", help="Sample they show."),
    click.option("--nm-per-px", type=NM_PER_PX, help="Pixel size, nm; without it what the files state and show."),
    click.option("--model", help="Name or reference of a registered model; without, the portal's default."),
    min_confidence_option,
    images_option,
    click.option("--person", help="Who hands in; people of a group share its turns evenly."),
    click.option("--group", help="Whose turns in the queue these are; without, the project's own."),
    click.option(
        "--priority",
        type=click.Choice(list(Priority)),
        default=Priority.NORMAL,
        show_default=True,
        help="interactive: somebody waits for it; bulk: it has time, the rest of the person's goes first.",
    ),
)


def submission_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a submission; it gets them together as ``choices``."""

    @functools.wraps(command)
    def with_choices(*arguments: Any, which: WhichImages, **options: Any) -> Any:
        plain = {field.name: options.pop(field.name) for field in fields(SubmissionChoices) if field.name in options}
        choices = SubmissionChoices(**plain, images=which)
        return command(*arguments, choices=choices, **options)

    for option in reversed(OPTIONS):
        with_choices = option(with_choices)
    return with_choices
