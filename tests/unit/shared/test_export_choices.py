"""Choices that rows keep: those of another release are shown as far as they are known, and no file is made of them."""

from dataclasses import asdict

import pytest

from shared.errors import InputError
from shared.export_choices import ExportChoices, require_known


def test_what_a_release_knows_is_read_back() -> None:
    choices = ExportChoices("feret_min", "volume", "all", 12, log_axis=True)
    require_known(asdict(choices))
    assert ExportChoices.stored(asdict(choices)) == choices


def test_no_file_is_made_of_choices_that_a_release_does_not_know() -> None:
    later = asdict(ExportChoices(weighting="area")) | {"colour": "red"}
    assert ExportChoices.stored(later).weighting == "area"
    with pytest.raises(InputError, match="colour") as refused:
        require_known(later)
    assert refused.value.code == "unknown_choice"
