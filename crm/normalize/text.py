"""Cleaning of text: what a database or a page cannot hold goes, what a person wrote stays."""

import re
import unicodedata

MAX_TEXT = 10_000

# Zero-width and direction characters are invisible: they split equal words or reverse what is shown.
# One pattern with the controls: str.translate takes half a second for a megabyte.
_REMOVED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)


def clean_text(raw: object, limit: int = MAX_TEXT) -> str:
    """Return the text without what a database or a page cannot hold: NUL, controls, lone surrogates."""
    if raw is None:
        return ""
    text = str(raw).replace("\r\n", "\n").replace("\r", "\n")
    return _REMOVED.sub("", text).strip()[:limit].rstrip()


def one_line(raw: object, limit: int = MAX_TEXT) -> str:
    """Return the cleaned text with every run of white space made one plain space."""
    return " ".join(clean_text(raw, limit).split())


def digits(text: object) -> str:
    """Return only the digits of the text, as ASCII, whatever script they were written in."""
    found = (unicodedata.digit(char, None) for char in str(text or ""))
    return "".join(str(value) for value in found if value is not None)


def plain(text: object) -> str:
    """Return the cleaned text with compatibility forms (full-width digits, no-break spaces) made plain."""
    return unicodedata.normalize("NFKC", clean_text(text))


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list kept as plain text, so that such lists stay readable and short."""
    return frozenset(text.split())
