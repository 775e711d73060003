"""A composed figure is counted by its panels; one micrograph stays one, whatever is drawn on it."""

import csv

import cv2
import numpy as np
import pytest

from shared.geometry import Banner
from worker.analysis.banner import find_banner
from worker.analysis.panels import count_panels

ROWS, COLUMNS = 200, 260


def picture(seed, level=110, rows=ROWS, columns=COLUMNS):
    """Discs on a ground of this level, with shot noise."""
    random = np.random.default_rng(seed)
    grey = np.full((rows, columns), level, np.float64)
    for y, x, radius in random.integers((0, 0, 8), (rows, columns, 24), (14, 3)):
        grey[(np.arange(rows)[:, None] - y) ** 2 + (np.arange(columns) - x) ** 2 < radius**2] += 70
    return np.clip(grey + random.normal(0, 6, grey.shape), 0, 255).astype(np.uint8)


def beside(parts, gutter, value):
    line = np.full((len(parts[0]), gutter), value, np.uint8)
    return np.hstack([piece for part in parts for piece in (part, line)][:-1])


def plot(rows=ROWS, columns=COLUMNS):
    """Axes and a curve on white."""
    drawn = np.full((rows, columns), 255, np.uint8)
    cv2.line(drawn, (40, 20), (40, rows - 40), 0, 2)
    cv2.line(drawn, (40, rows - 40), (columns - 20, rows - 40), 0, 2)
    cv2.ellipse(drawn, (columns // 2, rows // 2), (60, 30), 0, 0, 360, 0, 2)
    return drawn


@pytest.mark.parametrize(("gutter", "value"), [(2, 255), (8, 255), (20, 255), (2, 0), (8, 0), (4, 200)])
def test_panels_side_by_side_and_one_above_the_other_are_counted(gutter, value):
    row = beside([picture(seed) for seed in (1, 2, 3)], gutter, value)
    assert count_panels(row, None) == 3
    assert count_panels(np.ascontiguousarray(row.T), None) == 3


def test_panels_in_rows_of_different_number_are_counted():
    upper = beside([picture(1), picture(2)], 8, 255)
    # 260 + 8 + 260 = 170 + 8 + 171 + 8 + 171 columns.
    lower = beside([picture(seed, columns=columns) for seed, columns in ((3, 170), (4, 171), (5, 171))], 8, 255)
    figure = np.vstack([upper, np.full((8, upper.shape[1]), 255, np.uint8), lower])
    assert count_panels(figure, None) == 5


def test_an_outer_margin_is_no_panel():
    figure = np.pad(beside([picture(1), picture(2)], 6, 255), 30, constant_values=255)
    assert count_panels(figure, None) == 2
    assert count_panels(np.pad(picture(1), 30, constant_values=255), None) == 1


def test_letters_in_the_white_space_do_not_hide_it():
    figure = np.vstack([picture(1), np.full((30, COLUMNS), 255, np.uint8), picture(2)])
    cv2.putText(figure, "(b)", (4, ROWS + 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 1)
    assert count_panels(figure, None) == 2


def test_a_plot_beside_a_micrograph_makes_a_figure():
    assert count_panels(beside([picture(1), plot()], 10, 255), None) >= 2


def test_pictures_that_abut_are_told_by_the_seam():
    assert count_panels(beside([picture(1, level=60), picture(2, level=150)], 0, 0), None) == 2
    assert count_panels(np.vstack([picture(1, level=60), picture(2, level=150)]), None) == 2


def test_a_jump_of_the_beam_is_no_seam():
    image = picture(1, level=60).astype(np.int16)
    image[90:] += 60
    assert count_panels(np.clip(image, 0, 255).astype(np.uint8), None) == 1


def test_jpeg_and_depth_do_not_matter():
    figure = beside([picture(1), picture(2)], 6, 255)
    _, coded = cv2.imencode(".jpg", figure, [cv2.IMWRITE_JPEG_QUALITY, 75])
    assert count_panels(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), None) == 2
    assert count_panels(figure.astype(np.uint16) * 90 + 500, None) == 2
    assert count_panels(figure.astype(np.float32) / 255, None) == 2


@pytest.mark.parametrize("level", [40, 110, 170])
def test_a_micrograph_is_one(level):
    assert count_panels(picture(1, level=level), None) == 1


def test_boxes_bars_and_lines_in_a_micrograph_do_not_divide_it():
    boxed = picture(1)
    boxed[120:190, 60:] = 255
    cv2.putText(boxed, "HV 15 kV 500 nm", (64, 160), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 1)
    assert count_panels(boxed, None) == 1
    crossed = picture(1)
    crossed[100:103, 10:-10] = 255
    assert count_panels(crossed, None) == 1


def test_particles_on_a_clipped_ground_leave_no_gutter_between_them():
    image = np.full((ROWS, COLUMNS), 255, np.uint8)
    for x, y in ((60, 50), (200, 60), (60, 150), (190, 150)):
        cv2.circle(image, (x, y), 35, 40, -1)
    assert count_panels(image, None) == 1


@pytest.mark.parametrize("ground", [0, 255])
def test_a_banner_and_its_frame_are_no_panel(ground):
    strip = np.full((48, COLUMNS), ground, np.uint8)
    cv2.putText(strip, "15 kV x30k 500 nm", (4, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255 - ground, 1)
    strip[0] = 255 - ground
    image = np.vstack([picture(1), strip])
    assert count_panels(image, Banner(ROWS, ROWS + 48)) == 1
    assert count_panels(image, None) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (90, 90), (300, 300)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_images_of_any_size_and_of_one_value_are_one(shape, dtype):
    assert count_panels(np.zeros(shape, dtype), None) == 1


def test_an_image_that_is_all_banner_is_one():
    assert count_panels(picture(1), Banner(0, ROWS)) == 1


@pytest.mark.shared_data
def test_figures_of_articles_are_composed_and_micrographs_are_not(shared_data):
    with (shared_data / "banners" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figures = [row["file"] for row in rows if "multi-panel" in row["shows"]]
    single = [row["file"] for row in rows if row["file"] not in figures]
    single += [f"emps/images/{path.name}" for path in sorted((shared_data / "emps" / "images").glob("*.png"))]
    counts = {}
    for name in [*figures, *dict.fromkeys(single)]:
        pixels = cv2.imread(str(shared_data / name), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE)
        counts[name] = count_panels(pixels, find_banner(pixels))
    # Reached: 6 of 6, and none of 382 micrographs.
    assert sum(counts[name] > 1 for name in figures) >= 5
    assert sum(counts[name] > 1 for name in dict.fromkeys(single)) <= 0.01 * len(counts)
