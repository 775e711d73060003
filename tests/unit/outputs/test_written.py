"""Numbers as people read them."""

import pytest

from worker.outputs.written import number, percent


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (0.0, "0"),
        (7.81764, "7.818"),
        (9.99961, "10.00"),
        (12_345.6, "12,350"),
        (-0.051234, "−0.05123"),
        (0.00001234567, "1.235e-05"),
    ],
)
def test_a_number_has_four_significant_digits(value: float | None, said: str) -> None:
    assert number(value) == said


@pytest.mark.parametrize(
    ("share", "said"), [(None, "–"), (0.0, "0 %"), (0.2864, "28.6 %"), (0.00204, "0.20 %"), (1.0, "100 %")]
)
def test_a_share_is_written_in_percent(share: float | None, said: str) -> None:
    assert percent(share) == said
