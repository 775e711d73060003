"""Scale bars of real micrographs: what must be read, and how rarely a reading may be wrong."""

import pytest

from benchmarks.scale_bar import BarTruth, bar_truths, read_all, verdict
from worker.text_reader import RapidTextReader


@pytest.mark.shared_data
@pytest.mark.timeout(600)
def test_nine_of_ten_bars_are_read_and_next_to_none_is_wrong(shared_data) -> None:
    truths: list[BarTruth] = list(bar_truths(shared_data))
    assert len(truths) > 90
    verdicts = [verdict(truth, bar) for truth, bar, _ in read_all(shared_data, truths, RapidTextReader())]
    assert verdicts.count("right") / len(verdicts) >= 0.9
    assert verdicts.count("wrong") / len(verdicts) <= 0.01
