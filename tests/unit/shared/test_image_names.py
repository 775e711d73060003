"""Of a file with several images, each is named by its number; a file with one is named by itself."""

import pytest

from shared.image_names import result_stem, shown_name


@pytest.mark.parametrize(
    ("place", "shown", "stem"),
    [
        ((0, 1), "lot/stack.tif", "stack"),
        ((0, None), "lot/stack.tif", "stack"),
        ((0, 12), "lot/stack.tif, image 1 of 12", "stack_01"),
        ((2, 12), "lot/stack.tif, image 3 of 12", "stack_03"),
        ((9999, 10_000), "lot/stack.tif, image 10,000 of 10,000", "stack_10000"),
        ((2, None), "lot/stack.tif, image 3", "stack_3"),
    ],
)
def test_an_image_is_named_by_its_file_and_its_number(place: tuple[int, int | None], shown: str, stem: str) -> None:
    assert shown_name("lot/stack.tif", *place) == shown
    assert result_stem("lot/stack.tif", *place) == stem
