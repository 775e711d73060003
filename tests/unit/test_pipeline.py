"""The pipeline around any segmenter: banner out, reflections never measured, warnings said."""

import numpy as np
import pytest

from shared.arrays import FloatImage
from shared.distributions.fitness import judge
from shared.domain import Calibration, Metadata, Micrograph, ModelIdentity, Parameters, Segmentation
from shared.geometry import Banner, Box
from worker.analysis.classical import ClassicalSegmenter
from worker.analysis.lettering import CharacterProbabilities, TextLine
from worker.pipeline import analyse
from worker.training.synthetic import synthetic_micrograph


class Squares:
    """Labels squares of one side wherever it is shown an image, the reflected rows included."""

    identity = ModelIdentity("squares", "1")

    def __init__(self, side_px: int) -> None:
        self.side_px = side_px

    def __call__(self, image: FloatImage) -> Segmentation:
        labels = np.zeros(image.shape, np.int32)
        pitch = self.side_px + 10
        for number, y in enumerate(range(5, image.shape[0] - self.side_px, pitch), start=1):
            labels[y : y + self.side_px, 20 : 20 + self.side_px] = number
        return Segmentation(labels)


def noise(shape: tuple[int, int]) -> Micrograph:
    return Micrograph(np.random.default_rng(1).integers(0, 200, shape, dtype=np.uint8), "PNG")


def test_nothing_found_in_the_reflection_of_a_banner_is_measured() -> None:
    sample = synthetic_micrograph(seed=2, shape=(400, 500), n_particles=10)
    assert sample.banner is not None
    analysis = analyse(Micrograph(sample.pixels, "PNG"), Parameters(), Squares(20))
    assert analysis.banner == sample.banner
    assert not analysis.labels[sample.banner.top :].any()
    assert analysis.particles.centroid_y_px.max() < sample.banner.top
    assert analysis.labels.shape == sample.pixels.shape


def test_the_particles_of_a_generated_micrograph_are_found_with_their_sizes() -> None:
    sample = synthetic_micrograph(seed=7, n_particles=25, coverage=0.08)
    analysis = analyse(Micrograph(sample.pixels, "PNG"), Parameters(nm_per_px=sample.nm_per_px), ClassicalSegmenter())
    truth = np.sqrt(4 * np.bincount(sample.labels.ravel())[1:] / np.pi)
    # A watershed leaves a pair uncut whose neck is wide, and a pair counts as one larger particle.
    assert analysis.statistics.n_particles == pytest.approx(len(truth), rel=0.12)
    found = analysis.particles.ecd_px.mean()
    assert found == pytest.approx(truth.mean(), rel=0.06)
    assert analysis.statistics.ecd_mean_nm == pytest.approx(analysis.statistics.ecd_mean_px * sample.nm_per_px)


def test_the_verdict_needs_no_pixel_size_and_follows_from_what_was_measured() -> None:
    squares = [analyse(noise((300, 300)), Parameters(nm_per_px=stated), Squares(20)) for stated in (None, 2.0)]
    assert [analysis.fitness.verdict for analysis in squares] == ["fit", "fit"]
    assert squares[0].fitness == judge(squares[1].particles, 300 * 300)
    few = analyse(noise((90, 90)), Parameters(), Squares(20))
    assert few.fitness.verdict == "doubtful"


def test_without_a_stated_pixel_size_there_are_no_nanometres() -> None:
    analysis = analyse(noise((120, 120)), Parameters(), Squares(20))
    assert analysis.calibration.status == "missing"
    assert analysis.particles.ecd_nm is None
    assert analysis.statistics.ecd_mean_nm is None


def test_particles_too_small_to_be_sized_are_said_and_others_are_not() -> None:
    small = analyse(noise((120, 120)), Parameters(), Squares(5))
    assert small.warnings == (
        f"{len(small.particles)} of {len(small.particles)} particles are less than 8 px across: "
        "too few pixels to be sized reliably.",
    )
    assert analyse(noise((120, 120)), Parameters(), Squares(20)).warnings == ()


def test_the_pixel_size_of_the_file_calibrates_and_a_persons_value_wins() -> None:
    stated = Micrograph(noise((200, 200)).pixels, "TIFF", metadata=Metadata(nm_per_px=2.0))
    analysis = analyse(stated, Parameters(), Squares(20))
    assert analysis.calibration == Calibration(2.0, "metadata", "ok")
    np.testing.assert_allclose(analysis.particles.ecd_nm, 2.0 * analysis.particles.ecd_px)
    assert analyse(stated, Parameters(nm_per_px=3.0), Squares(20)).calibration == Calibration.manual(3.0)


def test_the_banner_that_the_file_states_is_cut_off_even_where_none_can_be_seen() -> None:
    stated = Micrograph(noise((200, 200)).pixels, "TIFF", metadata=Metadata(databar_top=150))
    analysis = analyse(stated, Parameters(), Squares(20))
    assert analysis.banner == Banner(150, 200)
    assert (analysis.field.top, analysis.field.bottom) == (0, 150)
    assert not analysis.labels[150:].any()


class OneLine:
    """A text reader that sees one line, and no length in it."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def lines(self, grey: np.ndarray) -> tuple[TextLine, ...]:
        return (TextLine(self.box, "sample A", 0.99),)

    def characters(self, grey: np.ndarray) -> CharacterProbabilities:
        return CharacterProbabilities(("", "A"), np.ones((1, 2), np.float32) / 2)


class Everything:
    """Labels everything it is shown as one particle, and keeps what it was shown."""

    identity = ModelIdentity("everything", "1")

    def __call__(self, image: FloatImage) -> Segmentation:
        self.seen = image
        return Segmentation(np.ones(image.shape, np.int32))


def test_burnt_in_text_is_mirrored_over_for_the_segmenter_and_never_measured() -> None:
    pixels = noise((200, 200)).pixels
    pixels[60:80, 40:160] = 255
    segmenter = Everything()
    analysis = analyse(Micrograph(pixels, "PNG"), Parameters(), segmenter, OneLine(Box(60, 80, 40, 160)))
    (box,) = analysis.annotations
    assert not analysis.labels[box.slices].any()
    # The noise ends at 199; white letters would be the brightest thing in the picture.
    assert (segmenter.seen[60:80, 40:160] < 1).mean() > 0.9
    assert analysis.particles.area_px.sum() == 200 * 200 - box.area_px


def test_a_particle_beside_an_annotation_touches_the_border() -> None:
    pixels = noise((200, 200)).pixels
    without = analyse(Micrograph(pixels, "PNG"), Parameters(), Squares(20)).particles
    beside = analyse(Micrograph(pixels, "PNG"), Parameters(), Squares(20), OneLine(Box(60, 90, 43, 160))).particles
    assert not without.touches_border[2]
    assert beside.touches_border.tolist() == [False, False, True, *without.touches_border[3:].tolist()]


def test_without_a_text_reader_nothing_is_left_out() -> None:
    assert analyse(noise((200, 200)), Parameters(), Squares(20)).annotations == ()
