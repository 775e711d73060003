"""Pixel sizes as files write them: units, decimal commas, impossible values. What does not count is missing, never guessed."""

import pytest

from worker.micrograph.pixel_size import Stated, confirmed, length_nm, nm_per_unit, parse_number, pixel_size, unit_after_number
from worker.micrograph.texts import decode_text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("158.7 nm", 158.7), ("158,7 nm", 158.7), ("3.3724e-006", 3.3724e-6), ("3,3724E-06", 3.3724e-6), ("-1", -1.0),
        (" =  50.00 K X", 50.0), ("1,280,000", 1280000.0), ("1.234,5", 1234.5), ("1,234.5", 1234.5), (".5", 0.5),
        ("none", None), ("", None), ("nan", None), ("1.#QNAN", None), ("-inf", None), ("5 nanometers", 5.0),
        ("1.234.567,8", 1234567.8), ("-1,234,567.8e3", -1234567800.0), ("1.5.3", None), ("12,34,5", None), ("1,234,5.6", None),
        ("1.234,567.8", None), ("1.5,3", None),
    ],
)  # fmt: skip
def test_numbers_are_read_with_decimal_points_and_commas(text, number) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("pm", 1e-3), ("Å", 0.1), ("A", 0.1), ("Angstrom", 0.1), ("nm", 1), ("nanometer", 1), ("n_m", 1), ("[n_m]", 1),
        ("um", 1e3), ("µm", 1e3), ("μm", 1e3), ("micron", 1e3), ("\\u00B5m", 1e3), ("Âµm", 1e3), ("\ufffdm", 1e3),
        ("ƒÊm", 1e3), ("æm", 1e3), ("[u_m]", 1e3), ("mm", 1e6), ("m", 1e9), ("Meter", 1e9),
        ("1/nm", None), ("nm^-1", None), ("1 / nm", None), ("rad", None), ("inch", None), ("cm", None), ("px", None),
        ("pixel", None), ("eV", None), ("", None), ("Mm", None), ("s", None),
    ],
)  # fmt: skip
def test_units_run_from_picometre_to_metre_in_every_spelling_and_others_are_none(unit, factor) -> None:
    assert nm_per_unit(unit) == factor


@pytest.mark.parametrize(
    ("sign", "encoding"),
    [("µ", "latin-1"), ("µ", "utf-8"), ("μ", "utf-8"), ("μ", "shift-jis"), ("µ", "cp437"), ("µ", "utf-16"), ("μ", "utf-16")],
)
def test_a_micro_sign_is_the_same_in_every_encoding_instruments_write(sign, encoding) -> None:
    text = decode_text(f"Unit of the pixel size\t{sign}m".encode(encoding))
    assert nm_per_unit(text.rpartition("\t")[2]) == 1e3


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("5", None, "no unit"), ("5", "  ", "no unit"), ("0", "nm", "impossible"), ("-5", "nm", "impossible"),
        ("nan", "nm", "not a number"), ("abc", "nm", "not a number"), ("9e-5", "nm", "impossible"), ("1.1", "mm", "impossible"),
        ("0.02", "1/nm", "diffraction"), ("5", "s", "no length"), ("1e400", "m", "not a number"),
        ("- 5", "nm", "impossible"), ("−5", "nm", "impossible"), ("about 5", "nm", "not a number"),
        ("--5", "nm", "not a number"), ("5", "nm/px", "no length"), ("5", "Mm", "no length"), ("5", "inch", "no length"),
    ],
)  # fmt: skip
def test_an_impossible_pixel_size_is_missing_with_a_warning_that_names_its_tag(text, unit, said) -> None:
    size, reason = length_nm(Stated(text, unit, "AP_SOMETHING"))
    assert size is None
    assert "AP_SOMETHING" in reason
    assert said in reason


@pytest.mark.parametrize(("text", "size"), [("= 5", 5), (": 5,5", 5.5), (" +5", 5), ("5e-1", 0.5)])
def test_a_length_is_the_number_its_text_begins_with(text, size) -> None:
    assert length_nm(Stated(text, "nm", "a")) == (size, None)


def test_the_limits_of_possible_pixel_sizes_are_possible() -> None:
    assert length_nm(Stated("1e-4", "nm", "a"))[0] == pytest.approx(1e-4)
    assert length_nm(Stated("1", "mm", "a"))[0] == pytest.approx(1e6)


def test_an_image_resampled_after_acquisition_no_longer_has_its_pixel_size() -> None:
    size = pixel_size(Stated("5", "nm", "PixelWidth"), None, 1024, 512)
    assert size.nm_per_px is None
    assert "1,024" in size.warnings[0]
    assert "PixelWidth" in size.warnings[0]


def test_pixels_of_two_sizes_are_said_to_be_so_also_in_mixed_units() -> None:
    size = pixel_size(Stated("1.0", "nm", "x"), Stated("2,0", "Å", "y"), None, 128)
    assert (size.nm_per_px, size.aspect) == (1.0, pytest.approx(0.2))
    assert pixel_size(Stated("1.0", "nm", "x"), Stated("1.0005", "nm", "y"), None, 128).aspect == 1.0


def test_a_second_side_that_cannot_be_read_leaves_no_pixel_size() -> None:
    size = pixel_size(Stated("1.0", "nm", "x"), Stated("0", "nm", "the height"), None, 128)
    assert size.nm_per_px is None
    assert "the height" in size.warnings[0]


def test_of_several_statements_the_first_that_another_confirms_holds() -> None:
    wrong, right, rough = Stated("10", "nm", "wrong"), Stated("5.01", "nm", "right"), Stated("5", "nm", "rough")
    assert confirmed([wrong, right, rough], 0.01) == (right, ())
    assert confirmed([right], 0.01) == (right, ())
    found, warnings = confirmed([wrong, right], 0.01)
    assert found is None
    assert "wrong" in warnings[0]
    assert "right" in warnings[0]


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("158.7 nm", "nm"),
        ("2.3nm [2.3nm]", "nm"),
        ("12.5", None),
        ("10um", "um"),
        ("8100 um", "um"),
        ("2um 2um", "um"),
        ("3 [nm]", None),
    ],
)
def test_the_unit_stands_behind_the_number(text, unit) -> None:
    assert unit_after_number(text) == unit
