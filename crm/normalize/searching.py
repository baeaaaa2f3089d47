"""The form in which records are searched: written to a column once, applied to every query."""

import re
import unicodedata

from crm.normalize.phones import phone, scan
from crm.normalize.text import clean_text, digits, plain

MAX_SEARCH_TEXT = 4_000
MAX_SEARCH_TERMS = 8

_BETWEEN_SIZES = re.compile(r"(?<=[0-9])\s*[xх×*]\s*(?=[0-9])")
_NUMBER_LIKE = re.compile(r"[+(]?[0-9][0-9\s().+\-]*")
_TRUNK_PREFIX = re.compile(r"(?:\+\s*7|8[\s(\-])")

_LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`" + 'QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>~'
_CYRILLIC = "йцукенгшщзхъфывапролджэячсмитьбюё" + "ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮЁ"
_TO_CYRILLIC = str.maketrans(_LATIN, _CYRILLIC)
_TO_LATIN = str.maketrans(_CYRILLIC, _LATIN)


def search_text(*parts: object, limit: int = MAX_SEARCH_TEXT) -> str:
    """Return one line to search in: no case, ё as е, no punctuation, phone numbers as bare digits."""
    return " ".join(filter(None, (_folded(part, limit) for part in parts if part is not None)))[:limit].rstrip()


def search_terms(query: object) -> list[str]:
    """Return the terms of a query; a record fits when its search text contains every one of them."""
    number = _number_term(plain(query).strip())
    if number:
        return [number]
    terms = dict.fromkeys(search_text(query, limit=500).split())
    return [_national(term) for term in terms][:MAX_SEARCH_TERMS]


def search_variants(query: object) -> list[list[str]]:
    """Return the terms as typed and, when it differs, as if the keyboard layout was the wrong one."""
    typed = search_terms(query)
    swapped = search_terms(swap_layout(clean_text(query, 500)))
    return [terms for terms in ([typed, swapped] if swapped != typed else [typed]) if terms]


def swap_layout(text: str) -> str:
    """Return the text as the same keys give it in the other layout: "bdfyjd" <-> "иванов"."""
    cyrillic = sum(char in _CYRILLIC for char in text)
    latin = sum(char.isascii() and char.isalpha() for char in text)
    if cyrillic > latin:
        return text.translate(_TO_LATIN)
    return text.translate(_TO_CYRILLIC) if latin else text


def _folded(part: object, limit: int) -> str:
    # Cut before the work: the request of a form may be megabytes, and the result is cut anyway.
    text = _phones_as_digits(plain(clean_text(part, limit)))
    text = unicodedata.normalize("NFKC", text.casefold()).replace("ё", "е")
    text = _BETWEEN_SIZES.sub("x", text)
    return " ".join("".join(char if char.isalnum() or char == "@" else " " for char in text).split())


def _phones_as_digits(text: str) -> str:
    """Put every phone number as its E.164 digits, so that any tail of it is found."""
    pieces, at = [], 0
    for start, end, found in scan(text, "RU"):
        pieces += [text[at:start], " ", digits(found.e164), " ", found.extension, " "]
        at = end
    return "".join([*pieces, text[at:]]) if pieces else text


def _number_term(query: str) -> str:
    """Return the digits of a query that is one number written with brackets, dashes or spaces."""
    if not _NUMBER_LIKE.fullmatch(query):
        return ""
    bare = digits(query)
    whole = phone(query)
    if whole is not None and len(bare) >= 10:
        return _national(digits(whole.e164))
    if len(bare) < 6 and not re.search(r"[+(\-]", query):
        return ""  # "24 60" are two sizes, not a piece of a phone number
    prefix = _TRUNK_PREFIX.match(query)
    return digits(query[prefix.end() :]) if prefix and len(bare) > 4 else bare


def _national(term: str) -> str:
    """Drop the 7 or 8 of a Russian number: the stored form starts with 7, the typed one with either."""
    if len(term) == 11 and term.isdigit() and term[0] in "78":
        return term[1:]
    return term
