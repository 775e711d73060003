"""How sure the network is of a particle: a calibrated probability from what its maps say of the particle's pixels.

What convicts a wrong particle most is disagreement: the network says how deep each pixel lies inside *its* particle, and that
can be computed from the outline too. Of a particle that was cut in two, or of two taken for one, the two depths differ.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shared.arrays import FloatArray, FloatImage, Labels
from worker.analysis.depth import largest_inside, normalised_distance
from worker.analysis.instances import PixelMaps

# One column of evidence each, in this order; see `evidence`.
EVIDENCE = (
    "foreground_logit",
    "decidedness",
    "log_depth_disagreement",
    "contact",
    "largest_depth",
    "log_area_px",
    "share_at_edge",
)
# Keep logarithms finite.
PROBABILITY_LIMITS = (0.01, 0.999)
DISAGREEMENT_OFFSET = 0.01
# A particle that the picture halves has about this share of its size at the edge; more says no more.
MAX_SHARE_AT_EDGE = 1.5


@dataclass(frozen=True, slots=True)
class ConfidenceModel:
    """Logistic regression from evidence to the probability that a particle is right (IoU ≥ 0.5 with a person's outline).

    Attributes
    ----------
    mean, deviation : tuple of float
        Of each column of the evidence over the particles that the model was fitted to.
    weights : tuple of float
        For the standardised columns.
    bias : float
        Logit of a particle with mean evidence.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def __call__(self, found: FloatArray) -> FloatArray:
        """Compute the confidence of particles.

        Parameters
        ----------
        found : ndarray of float64, shape (n, len(EVIDENCE))
            As `evidence` gives it.

        Returns
        -------
        ndarray of float64, shape (n,)
            In 0..1.
        """
        return np.asarray(1 / (1 + np.exp(-self.logit(found))), dtype=np.float64)

    def logit(self, found: FloatArray) -> FloatArray:
        """Compute ln(c / (1 − c)) of the confidence c of particles, shape (n,)."""
        standard = (found - np.array(self.mean)) / np.array(self.deviation)
        return np.asarray(standard @ np.array(self.weights) + self.bias, dtype=np.float64)

    def rescaled(self, slope: float, offset: float) -> "ConfidenceModel":
        """Return the model whose logit is ``slope`` times that of this one, plus ``offset``."""
        return replace(self, weights=tuple(slope * weight for weight in self.weights), bias=slope * self.bias + offset)

    @classmethod
    def from_card(cls, content: dict[str, Any]) -> "ConfidenceModel":
        """Read the part ``confidence`` of a model card; raises ValueError where it is not one of this release."""
        if tuple(content.get("evidence", ())) != EVIDENCE:
            raise ValueError(f"confidence is computed from {content.get('evidence')}, this release computes {list(EVIDENCE)}")
        columns = {name: tuple(float(value) for value in content[name]) for name in ("mean", "deviation", "weights")}
        if any(len(column) != len(EVIDENCE) for column in columns.values()) or min(columns["deviation"]) <= 0:
            raise ValueError("the numbers of the confidence do not fit the evidence")
        return cls(**columns, bias=float(content["bias"]))

    def as_card(self) -> dict[str, Any]:
        """Return what `from_card` reads."""
        return {
            "evidence": list(EVIDENCE),
            "mean": list(self.mean),
            "deviation": list(self.deviation),
            "weights": list(self.weights),
            "bias": self.bias,
        }


def evidence(labels: Labels, maps: PixelMaps) -> FloatArray:
    """Collect what the maps say for and against each particle.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        Particles 1..n, at the scale at which the network saw them.
    maps : PixelMaps
        That they were found in, of the same shape.

    Returns
    -------
    ndarray of float64, shape (n, len(EVIDENCE))
        Logit of the mean foreground probability p; mean of |2p − 1|; log of the mean difference between the depth that the
        network says and that of the outline; mean contact probability; largest depth; log of the area in pixels; pixels at
        the edge of the picture over the square root of the area.
    """
    area = np.maximum(np.bincount(labels.ravel())[1:], 1).astype(np.float64)
    probability = np.clip(_mean_inside(maps.foreground, labels, area), *PROBABILITY_LIMITS)
    columns = [
        np.log(probability / (1 - probability)),
        _mean_inside(np.abs(2 * maps.foreground - 1), labels, area),
        np.log(depth_disagreement(labels, maps) + DISAGREEMENT_OFFSET),
        _mean_inside(maps.contact, labels, area),
        largest_inside(maps.distance, labels),
        np.log(area),
        np.minimum(_pixels_at_edge(labels) / np.sqrt(area), MAX_SHARE_AT_EDGE),
    ]
    return np.stack(columns, axis=1).astype(np.float64)


def depth_disagreement(labels: Labels, maps: PixelMaps) -> FloatArray:
    """Mean difference between the depth that the network says and that of the outline, for each particle, shape (n,)."""
    area = np.maximum(np.bincount(labels.ravel())[1:], 1).astype(np.float64)
    return _mean_inside(np.abs(normalised_distance(labels) - maps.distance), labels, area)


def _mean_inside(values: FloatImage, labels: Labels, area: FloatArray) -> FloatArray:
    total = np.bincount(labels.ravel(), weights=values.ravel())[1:]
    return np.asarray(total / area, dtype=np.float64)


def _pixels_at_edge(labels: Labels) -> FloatArray:
    edge = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    return np.bincount(edge, minlength=int(labels.max(initial=0)) + 1)[1:].astype(np.float64)
