"""Which images validate a training: those that somebody named, the fixed ones of EMPS, or a fifth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shared.errors import InputError
from worker.training.groups import known_names
from worker.training.split import ImageSummary, emps_validation_names, split_by_paper

# Of fewer images, one that is held out says next to nothing and is missed in the training.
MIN_IMAGES_TO_SPLIT = 5


@dataclass(frozen=True, slots=True)
class Holdout:
    """Names of the images that validate, sorted, how they were chosen, and what a person should know about it."""

    names: tuple[str, ...]
    rule: str
    warnings: tuple[str, ...] = ()


def named_holdout(summaries: Sequence[ImageSummary], names: Iterable[str], file_name: str) -> Holdout:
    """Hold out the images that a file names.

    Parameters
    ----------
    summaries : sequence of ImageSummary
        All images of the data set.
    names : iterable of str
        Those that validate, with or without ending.
    file_name : str
        For the rule.

    Raises
    ------
    InputError
        ``unknown_names`` for names without an image, ``no_training_images`` where none would be left to train on.
    """
    group = {summary.name: summary.paper for summary in summaries}
    wanted = set(known_names(names, group))
    unknown = sorted(wanted - group.keys())
    if unknown or not wanted:
        reason = f"names {len(unknown)} without an image: {', '.join(unknown)}." if unknown else "names no image."
        raise InputError(f"{file_name} {reason}", code="unknown_names", names=unknown)
    if len(wanted) == len(group):
        raise InputError(f"{file_name} names all images: none is left to train on.", code="no_training_images")
    shared = {group[name] for name in wanted} & {group[name] for name in group.keys() - wanted}
    warnings = [f"{len(shared)} groups are on both sides of the split; the figures will be too good."] if shared else []
    return Holdout(tuple(sorted(wanted)), f"names of {file_name}", tuple(warnings))


def proposed_holdout(summaries: Sequence[ImageSummary]) -> Holdout:
    """Hold out the fixed validation images of EMPS where all of them are there, else a fifth of the images.

    Parameters
    ----------
    summaries : sequence of ImageSummary
        All images of the data set. Whole groups are held out, single images where all are of one group.
    """
    names = {summary.name for summary in summaries}
    fixed = emps_validation_names()
    if names > set(fixed):
        return Holdout(tuple(sorted(fixed)), "the fixed split of EMPS")
    if len(summaries) < MIN_IMAGES_TO_SPLIT:
        warning = (
            f"NO VALIDATION: {len(summaries)} images are too few to hold any out, so nothing will be known about how well "
            f"the model does. With {MIN_IMAGES_TO_SPLIT} images or more, a fifth is held out; --validation chooses them."
        )
        return Holdout((), "none: too few images", (warning,))
    n_groups = len({summary.paper for summary in summaries})
    if n_groups == 1:
        single = [replace(summary, paper=summary.name) for summary in summaries]
        warning = (
            "All images are of one group: the validation images resemble those trained on, and the figures will be too good."
        )
        return Holdout(split_by_paper(single)[1], "a fifth of the images", (warning,))
    rule = "a fifth of the images" if n_groups == len(summaries) else "a fifth of the images, whole groups"
    return Holdout(split_by_paper(summaries)[1], rule)
