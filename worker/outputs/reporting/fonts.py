"""Fonts of the report: DejaVu, embedded, for everything it has signs for; for the rest what PDF readers bring along.

DejaVu comes with Matplotlib and covers Latin, Greek, Cyrillic, Arabic and Hebrew letters and mathematical signs. Chinese,
Japanese and Korean names are set in the fonts that Adobe's readers name for them, which the reader's machine must have; what
no font has is written as its code.
"""

from functools import cache
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

import matplotlib as mpl
from reportlab.lib.fonts import addMapping
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD, ITALIC, MONO = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono"
CHINESE, JAPANESE, KOREAN = "STSong-Light", "HeiseiKakuGo-W5", "HYSMyeongJo-Medium"
# First and last code of Hangul; kana; Han, with full-width forms and punctuation.
HANGUL = ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7A3))
KANA = ((0x3040, 0x30FF), (0x31F0, 0x31FF))
HAN = ((0x3000, 0x303F), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF))


@cache
def register() -> None:
    """Make the fonts known to ReportLab, once in a process."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for name in (REGULAR, BOLD, ITALIC, MONO):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    for name in (CHINESE, JAPANESE, KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    for is_bold, is_italic, name in ((0, 0, REGULAR), (1, 0, BOLD), (0, 1, ITALIC), (1, 1, BOLD)):
        addMapping(REGULAR, is_bold, is_italic, name)


def marked_up(text: str) -> str:
    """Return plain text as ReportLab's mark-up, each sign in a font that has it."""
    register()
    known = pdfmetrics.getFont(REGULAR).face.charToGlyph
    if all(ord(sign) in known for sign in text):
        return escape(text)
    has_kana = any(_is_in(sign, KANA) for sign in text)
    parts = []
    for font, signs in groupby(text, lambda sign: _font_of(sign, known, has_kana=has_kana)):
        run = "".join(signs)
        if font is None:
            parts.append("".join(f"[U+{ord(sign):04X}]" for sign in run))
        else:
            parts.append(escape(run) if font == REGULAR else f'<font name="{font}">{escape(run)}</font>')
    return "".join(parts)


def drawable(text: str) -> str:
    """Return text that one line in DejaVu can show: every other sign as its code."""
    register()
    known = pdfmetrics.getFont(REGULAR).face.charToGlyph
    return "".join(sign if ord(sign) in known else f"[U+{ord(sign):04X}]" for sign in text)


def _font_of(sign: str, known: dict[int, int], *, has_kana: bool) -> str | None:
    if ord(sign) in known:
        return REGULAR
    if _is_in(sign, HANGUL):
        return KOREAN
    if _is_in(sign, KANA) or (_is_in(sign, HAN) and has_kana):
        return JAPANESE
    return CHINESE if _is_in(sign, HAN) else None


def _is_in(sign: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(sign) <= last for first, last in ranges)
