"""Which typeface writes which character of a PDF: Helvetica, which every reader has, and others for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby
from xml.sax.saxutils import escape

from django.contrib.staticfiles import finders
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

# Readers bring these along; a codec knows which characters each of them has.
_FAR_EAST = (
    ("HeiseiKakuGo-W5", "shift_jis"),
    ("STSong-Light", "gb2312"),
    ("MSung-Light", "big5"),
    ("HYGothic-Medium", "euc_kr"),
)
_DEJAVU = {"Helvetica": "DejaVuSans", "Helvetica-Bold": "DejaVuSans-Bold"}


def marked_up(words: str, font: str) -> str:
    """Return text for a `Paragraph` in `font` (Helvetica or Helvetica-Bold), with other fonts where they are needed.

    What nothing can write becomes a question mark.
    """
    runs = groupby(words, key=lambda character: _font_of(character, font))
    return "".join(_run("".join(run), used, font) for used, run in runs)


def _run(words: str, used: str | None, font: str) -> str:
    if used is None:
        return "?" * len(words)
    return escape(words) if used == font else f'<font name="{used}">{escape(words)}</font>'


@cache
def _font_of(character: str, font: str) -> str | None:
    return next((name for name, writes in _fonts(font) if writes(character)), None)


def _fonts(font: str) -> Iterator[tuple[str, Callable[[str], bool]]]:
    yield font, _encoded_as("cp1252")
    if known := _dejavu(_DEJAVU[font]):
        yield _DEJAVU[font], lambda character: ord(character) in known
    for name, codec in _FAR_EAST:
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(UnicodeCIDFont(name))
        yield name, _encoded_as(codec)


def _encoded_as(codec: str) -> Callable[[str], bool]:
    def writes(character: str) -> bool:
        try:
            return bool(character.encode(codec))
        except UnicodeEncodeError:
            return False

    return writes


@cache
def _dejavu(name: str) -> frozenset[int]:
    """Register a face of DejaVu and return what it has: nothing where the front-end files are not installed."""
    path = finders.find(f"vendor/{name}.ttf")
    if not isinstance(path, str):
        return frozenset()
    font = TTFont(name, path)
    pdfmetrics.registerFont(font)
    return frozenset(font.face.charToGlyph)
