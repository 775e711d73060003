"""Which images validate, and where groups of images come from."""

from pathlib import Path

import pytest

from shared.errors import InputError
from worker.training.groups import read_groups
from worker.training.holdout import named_holdout, proposed_holdout
from worker.training.split import ImageSummary, emps_validation_names

NAMES = ("a", "b", "c", "d.1", "e", "f", "g", "h", "i", "j")


def summaries(names: tuple[str, ...] = NAMES, group: str | None = None) -> list[ImageSummary]:
    return [ImageSummary(name, group or name, 10, 20.0) for name in names]


def test_the_fixed_split_is_taken_where_all_its_images_are_there() -> None:
    fixed = emps_validation_names()
    holdout = proposed_holdout(summaries((*NAMES, *fixed)))
    assert (holdout.names, holdout.rule) == (tuple(sorted(fixed)), "the fixed split of EMPS")
    assert len(proposed_holdout(summaries((*NAMES, *fixed[1:]))).names) < len(fixed)


def test_a_fifth_is_held_out_single_images_where_there_are_no_groups() -> None:
    holdout = proposed_holdout(summaries())
    assert (len(holdout.names), holdout.rule, holdout.warnings) == (2, "a fifth of the images", ())


def test_whole_groups_are_held_out() -> None:
    images = [*summaries(NAMES[:2], "x"), *summaries(NAMES[2:4], "y"), *summaries(NAMES[4:], "z")]
    holdout = proposed_holdout(images)
    assert holdout.names in {NAMES[:2], NAMES[2:4]}
    assert holdout.rule == "a fifth of the images, whole groups"


def test_images_of_one_group_are_split_with_a_warning() -> None:
    holdout = proposed_holdout(summaries(group="x"))
    assert len(holdout.names) == 2
    assert "of one group" in holdout.warnings[0]


@pytest.mark.parametrize(("n", "n_validating"), [(1, 0), (4, 0), (5, 1)])
def test_few_images_all_train(n: int, n_validating: int) -> None:
    holdout = proposed_holdout(summaries(NAMES[:n]))
    assert len(holdout.names) == n_validating
    assert any("NO VALIDATION" in warning for warning in holdout.warnings) == (n_validating == 0)


def test_named_images_validate_also_where_they_are_written_with_their_ending() -> None:
    holdout = named_holdout(summaries(), ["b.tif", "d.1", "d.1.png"], "names.txt")
    assert (holdout.names, holdout.rule, holdout.warnings) == (("b", "d.1"), "names of names.txt", ())


def test_a_group_on_both_sides_is_worth_a_warning() -> None:
    assert "both sides" in named_holdout(summaries(group="x"), ["a"], "names.txt").warnings[0]


@pytest.mark.parametrize(
    ("file_name", "table"),
    [
        ("groups.csv", "name,group\na.tif,x\nd.1,y\nunknown,z\nb,\n"),
        ("papers.csv", "name,paper_doi\na,x\nd.1,y\n"),
        ("groups.csv", "\ufeffname,group\r\n a , x \r\nd.1.png,y\r\n"),
    ],
)
def test_groups_are_read_as_people_and_spreadsheets_write_them(tmp_path: Path, file_name: str, table: str) -> None:
    (tmp_path / file_name).write_text(table, encoding="utf-8")
    assert read_groups(tmp_path, NAMES) == {"a": "x", "d.1": "y"}


def test_without_a_table_there_are_no_groups(tmp_path: Path) -> None:
    assert read_groups(tmp_path, NAMES) == {}


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(InputError) as caught:
        read_groups(tmp_path, NAMES)
    assert caught.value.code == "invalid_groups"
