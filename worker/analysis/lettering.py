"""Text in a micrograph: what a reader of text gives, whatever program it is.

The analysis knows the form only. The program with its trained models is handed in, as the segmenter is.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.arrays import GreyImage
from shared.geometry import Box


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text.

    Attributes
    ----------
    box : Box
        Where it stands.
    text : str
        What was read, empty where nothing could be.
    score : float
        Mean probability of its characters, 0..1.
    """

    box: Box
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class CharacterProbabilities:
    """What a recogniser of characters says of a line before it decides.

    Attributes
    ----------
    characters : tuple of str
        One for each column of ``probabilities``; the first is empty and stands for "no character here", the blank of
        connectionist temporal classification (A. Graves et al., 2006, doi 10.1145/1143844.1143891).
    probabilities : ndarray of float32, shape (steps, characters)
        From left to right; each row sums to 1.
    """

    characters: tuple[str, ...]
    probabilities: NDArray[np.float32]


class TextReader(Protocol):
    """Any object that finds and reads lines of text in a grey image."""

    def lines(self, grey: GreyImage) -> tuple[TextLine, ...]:
        """Find and read the lines of an image of shape (rows, columns), black 0, white 255."""

    def characters(self, grey: GreyImage) -> CharacterProbabilities:
        """Look at the one line that an image shows."""
