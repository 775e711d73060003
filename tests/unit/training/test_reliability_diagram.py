"""The diagram shows each bin with particles where it belongs."""

from xml.etree import ElementTree as ET

import numpy as np

from worker.training.calibration import reliability
from worker.training.reliability_diagram import MARGIN_PX, SIDE_PX, reliability_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_every_bin_with_particles_is_a_point_at_its_confidence_and_share() -> None:
    confidence = np.array([0.25, 0.25, 0.95, 0.95, 0.95, 0.95])
    is_right = np.array([True, False, True, True, True, False])
    # The document is our own, a few lines above.
    drawn = ET.fromstring(reliability_svg(reliability(confidence, is_right, n_images=2).as_card()))
    points = [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in drawn.iter(f"{SVG}circle")]
    expected = [(0.25, 0.5), (0.95, 0.75)]
    assert points == [(MARGIN_PX + SIDE_PX * x, MARGIN_PX + SIDE_PX * (1 - y)) for x, y in expected]
    texts = [one.text or "" for one in drawn.iter(f"{SVG}text")]
    assert "6 particles of 2 images, expected calibration error 0.217" in texts
    assert {"2", "4"} <= set(texts)
