"""A side-car is known by its name: that of its image, in the same folder, with an ending of its own."""

import pytest

from shared.side_car_names import common_start, is_side_car, relation, side_cars_of, spellings


@pytest.mark.parametrize(
    ("side_car", "image", "expected"),
    [
        ("a.txt", "a.tif", ".txt"),
        ("a.TXT", "a.BMP", ".txt"),
        ("a.Hdr", "a.tif", ".hdr"),
        ("a-tif.hdr", "a.TIF", "-tif.hdr"),
        ("lot 1/日本 7.txt", "lot 1/日本 7.tif", ".txt"),
        ("a.b.txt", "a.b.tif", ".txt"),
        ("x.emi", "x_1.ser", "1.emi"),
        ("x.EMI", "x_12.SER", "12.emi"),
        ("x_2.emi", "x_2_07.ser", "7.emi"),
        ("a.txt", "a", ".txt"),
        ("A.txt", "a.tif", None),
        ("a.txt", "lot/a.tif", None),
        ("lot/a.txt", "a.tif", None),
        ("a.txt", "a.b.tif", None),
        ("a-bmp.hdr", "a.tif", None),
        ("a-tif.txt", "a.tif", None),
        ("x.txt", "x_1.ser", None),
        ("x.emi", "x.ser", None),
        ("x.emi", "x.tif", None),
        ("a.txt", "a.txt", None),
        ("a.txt", "a.hdr", None),
    ],
)
def test_a_side_car_belongs_to_the_image_of_its_name_in_its_folder(side_car: str, image: str, expected: str | None) -> None:
    assert relation(side_car, image) == expected
    if expected is not None:
        assert image.startswith(common_start(side_car)), "whoever looks for its images finds this one"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", True),
        ("lot/a.HDR", True),
        ("x.Emi", True),
        ("a.tif", False),
        (".txt", False),
        ("txt", False),
        ("a.txt.png", False),
    ],
)
def test_a_side_car_is_told_by_its_ending(name: str, expected: bool) -> None:
    assert is_side_car(name) is expected


def test_the_spellings_of_a_name_differ_in_the_case_of_its_ending_alone() -> None:
    found = set(spellings("Lot/Ab.emi"))
    assert {"Lot/Ab.emi", "Lot/Ab.EMI", "Lot/Ab.Emi"} <= found
    assert len(found) == 8
    assert {name.lower() for name in found} == {"lot/ab.emi"}


def test_the_first_side_car_is_the_one_that_readers_try_first() -> None:
    assert list(side_cars_of("a.tif")) == ["a.txt", "a.hdr", "a-tif.hdr"]
