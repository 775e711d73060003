"""The length written beside a scale bar: which texts can be one, and the most likely one of a line that is hard to read.

A recogniser of general text knows nothing of micrographs and writes ``100 mm`` or ``50 nA`` where 100 nm and 50 nm stand. So
its probabilities of single characters are searched for texts that are a number with a unit of length, and each of these is
weighed by how usual its number is. A text that is nearly as likely as another one of another length is no answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from shared.arrays import FloatArray
from worker.analysis.lettering import CharacterProbabilities
from worker.micrograph.pixel_size import nm_per_unit, parse_number

# Bars from a tenth of a nanometre to a few millimetres have been seen; a longer one does not fit into any electron microscope.
MIN_BAR_NM, MAX_BAR_NM = 0.1, 5e6

WRITTEN_LENGTH = re.compile(r"^[^\w.,]{0,2}(?P<number>\d{0,4}(?:[.,]\d{1,3})?)\s{0,2}(?P<unit>[^\W\d_]{1,12})\W{0,2}$")

# One, or a thousand: nobody may guess which, as points and commas look alike and half of the world groups by points.
MAY_BE_THOUSANDS = re.compile(r"[1-9]\d*[.,]\d{3}")

# Characters that look alike, or mean the same here. A bar, its ticks and the frame of a box are read as signs: no character.
ALIKE: Mapping[str, str] = MappingProxyType(
    {**{digit: digit for digit in "0123456789"}, "O": "0", "o": "0", "l": "1", "I": "1",
     ".": ".", ",": ".", " ": " ", "n": "n", "N": "n", "m": "m", "M": "m", "p": "p",
     "u": "µ", "U": "µ", "µ": "µ", "μ": "µ", "Å": "Å"}
)  # fmt: skip
SIGNS = frozenset("-_—–=~|'\"`´‘’“”^*+<>()[]{}/\\:;!°·•…▪■□←→↔├┤ー一")
DIGITS, POINT, SPACE = "0123456789", ".", " "
UNITS = ("nm", "µm", "mm", "pm", "Å")
MAX_DIGITS, MAX_DECIMALS = 4, 3

BEAM = 40
MIN_PROBABILITY = 1e-6

# How usual a number is, before anything is read. Bars have round numbers; a picometre or a millimetre is rare.
USUAL_DIGITS = frozenset({"1", "2", "5"})
POSSIBLE_DIGITS = frozenset({"3", "4", "6", "7", "8", "9", "15", "25", "75", "12", "35", "45"})
TRUST_IN_ODD = 0.3
WEIGHT_USUAL, WEIGHT_POSSIBLE, WEIGHT_ODD = 1.0, 0.1, 0.005
WEIGHT_OF_UNIT: Mapping[str, float] = MappingProxyType({"nm": 1.0, "µm": 1.0, "mm": 0.1, "pm": 0.02, "Å": 0.02})


@dataclass(frozen=True, slots=True)
class LengthText:
    """A length as it is written.

    Attributes
    ----------
    text : str
        Number and unit, such as ``"1.00 µm"``.
    value_nm : float
        What it means, nm.
    confidence : float
        Probability among all texts that are a length, 0..1.
    """

    text: str
    value_nm: float
    confidence: float


def written_length(text: str) -> tuple[str, float] | None:
    """The length that a text is and nothing else, as number and unit, and in nm; None for any other text.

    Competing texts of a banner (``WD 8.6 mm``, ``HFW 592 nm``, ``x 50,000``) are no bar's: they say more than a length, or
    have a number that nobody draws a bar for.

    Examples
    --------
    >>> written_length("1.00um"), written_length("0,5 µm"), written_length("WD 8.6 mm"), written_length("592 nm")
    (('1.00 µm', 1000.0), ('0.5 µm', 500.0), None, None)
    """
    match = WRITTEN_LENGTH.match(text.strip())
    if match is None or not match["number"].strip(".,") or MAY_BE_THOUSANDS.fullmatch(match["number"]):
        return None
    number, factor = parse_number(match["number"]), nm_per_unit(match["unit"])
    if number is None or factor is None:
        return None
    figures, unit = match["number"].replace(",", "."), _usual_unit(match["unit"])
    value_nm = number * factor
    if not MIN_BAR_NM <= value_nm <= MAX_BAR_NM or _weight_of_number(figures) <= WEIGHT_ODD:
        return None
    return f"{figures} {unit}", value_nm


def most_likely_length(seen: CharacterProbabilities) -> LengthText | None:
    """The most likely of all texts that are a length of a bar; None where none is likely at all.

    The search keeps the best beginnings from step to step and adds up all ways to write each (A. Y. Hannun et al., 2014,
    arXiv:1408.2873), restricted to beginnings of a number with a unit.

    Parameters
    ----------
    seen : CharacterProbabilities
        The recogniser's opinion on one line.

    Returns
    -------
    LengthText or None
        Its confidence is the share of its own length among all lengths found, times the mean probability of its characters.
    """
    letters, probabilities = _reduced(seen)
    found = {text: weight for text, weight in _search(letters, probabilities).items() if _length_of(text) is not None}
    if not found:
        return None
    weighed: dict[float, float] = {}
    for text, likelihood in found.items():
        value_nm = _value(text)
        weighed[value_nm] = weighed.get(value_nm, 0.0) + likelihood * _weight(text)
    best = max(weighed, key=weighed.__getitem__)
    text = max((text for text in found if _value(text) == best), key=found.__getitem__)
    if weighed[best] <= 0:
        return None
    share = weighed[best] / sum(weighed.values())
    # Each character of the text is one step at least; what is left of the likelihood is spread over them.
    mean_probability = found[text] ** (1 / len(text.replace(" ", "")))
    return LengthText(_spaced(text), best, float(share * min(1.0, mean_probability) * _trust(text)))


def _usual_unit(unit: str) -> str:
    """The unit as it is usually written: the one of `UNITS` of the same length."""
    return next((usual for usual in UNITS if nm_per_unit(usual) == nm_per_unit(unit)), unit)


def _reduced(seen: CharacterProbabilities) -> tuple[list[str], FloatArray]:
    """The probabilities of the letters that a length is made of, the blank with all signs in the first column."""
    letters = ["", *dict.fromkeys(ALIKE.values())]
    reduced = np.zeros((len(seen.probabilities), len(letters)))
    for column, character in enumerate(seen.characters):
        if character == "" or character in SIGNS:
            reduced[:, 0] += seen.probabilities[:, column]
        elif character in ALIKE:
            reduced[:, letters.index(ALIKE[character])] += seen.probabilities[:, column]
    return letters, reduced


def _search(letters: list[str], probabilities: FloatArray) -> dict[str, float]:
    """Likelihood of each text among the best beginnings, all its ways through the steps added up."""
    # For each beginning: the likelihood of the ways that end in a blank, and of those that end in its last letter.
    beams: dict[str, tuple[float, float]] = {"": (1.0, 0.0)}
    for step in probabilities:
        likely = [column for column in range(1, len(letters)) if step[column] > MIN_PROBABILITY]
        grown: dict[str, list[float]] = {}
        for beginning, (in_blank, in_letter) in beams.items():
            entry = grown.setdefault(beginning, [0.0, 0.0])
            entry[0] += (in_blank + in_letter) * step[0]
            for column in likely:
                letter, probability = letters[column], step[column]
                repeats = beginning.endswith(letter)
                if repeats:
                    entry[1] += in_letter * probability
                longer = beginning + letter
                if _begins_a_length(longer):
                    longer_entry = grown.setdefault(longer, [0.0, 0.0])
                    longer_entry[1] += (in_blank if repeats else in_blank + in_letter) * probability
        best = sorted(grown.items(), key=lambda item: -sum(item[1]))[:BEAM]
        beams = {text: (blank, letter) for text, (blank, letter) in best if blank + letter > 0}
    return {text: blank + letter for text, (blank, letter) in beams.items()}


def _begins_a_length(text: str) -> bool:
    number = text.rstrip("nmµpÅ")
    unit, figures = text[len(number) :], number.rstrip(SPACE)
    if len(number) - len(figures) > 1 or SPACE in figures:
        return False
    whole, point, decimals = figures.replace(",", POINT).partition(POINT)
    if len(whole) > MAX_DIGITS or len(decimals) > MAX_DECIMALS or (not (whole + decimals).isdecimal() and (whole or decimals)):
        return False
    ends = bool(whole or decimals) and not (point and not decimals)
    if (unit or number != figures) and not ends:
        return False
    return any(possible.startswith(unit) for possible in UNITS)


def _parts(text: str) -> tuple[str, str]:
    number = text.rstrip("nmµpÅ")
    return number.strip(), text[len(number) :]


def _length_of(text: str) -> float | None:
    number, unit = _parts(text)
    factor = nm_per_unit(unit) if unit in UNITS else None
    value = parse_number(number) if number else None
    if MAY_BE_THOUSANDS.fullmatch(number) or factor is None or not value or not MIN_BAR_NM <= value * factor <= MAX_BAR_NM:
        return None
    return value * factor


def _value(text: str) -> float:
    value_nm = _length_of(text)
    if value_nm is None:
        raise AssertionError("only texts that are a length are weighed")
    return float(f"{value_nm:.9g}")  # 0.5 µm and 500 nm are one length


def _weight(text: str) -> float:
    number, unit = _parts(text)
    return _weight_of_number(number) * WEIGHT_OF_UNIT[unit]


def _weight_of_number(number: str) -> float:
    """How usual a number is for a bar: by its digits without zeros before and behind."""
    whole, _, decimals = number.partition(POINT)
    if len(whole) > 1 and whole.startswith("0"):
        return 0.0
    digits = (whole + decimals).strip("0")
    if digits in USUAL_DIGITS:
        return WEIGHT_USUAL
    return WEIGHT_POSSIBLE if digits in POSSIBLE_DIGITS else WEIGHT_ODD


def _trust(text: str) -> float:
    """What an unusual number takes from the confidence: a field width or a working distance has more figures than a bar."""
    return 1.0 if _weight_of_number(_parts(text)[0]) > WEIGHT_ODD else TRUST_IN_ODD


def _spaced(text: str) -> str:
    return " ".join(_parts(text))
