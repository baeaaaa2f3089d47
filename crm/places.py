"""Addresses in a comparable form, and the region and town they name.

`normalize_place` is what duplicates of objects are compared by; `region_of` feeds routing. The regions with
their codes, other names and main towns are data: data/regions.json.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from crm.normalize.text import plain, word_set

MAX_PLACE = 500
_DATA = Path(__file__).parent / "data" / "regions.json"

# What would fall apart at its hyphen or dot, written out; endings go: "в Свердловской области" is the same place.
_WRITTEN_OUT = (
    (re.compile(r"\bр-н(?:е|а|у|ом)?\b"), "район"),
    (re.compile(r"\bпр-к?т\b"), "проспект"),
    (re.compile(r"\bпр-з?д\b"), "проезд"),
    (re.compile(r"\bб-р\b"), "бульвар"),
    (re.compile(r"\bпер-к\b"), "переулок"),
    (re.compile(r"\bст-ц[аые]\b"), "станица"),
    (re.compile(r"\bм(?:кр)?-о?н\b"), "микрорайон"),
    (re.compile(r"\bавт(?:\.|ономн\w*) ?окр(?:\.|уг\w*)?"), "ао "),
    (re.compile(r"\bавт(?:\.|ономн\w*) ?обл(?:\.|аст\w*)?"), "авт обл "),
)
_CANONICAL = {
    **dict.fromkeys(("обл", "область", "области", "областью"), "обл"),
    **dict.fromkeys(("край", "края", "краю", "крае", "краем"), "край"),
    **dict.fromkeys(("респ", "республика", "республики", "республике", "республику"), "респ"),
    **dict.fromkeys(("район", "района", "районе"), "район"),
}
_SHORT_TOWNS = {
    "спб": ("санкт", "петербург"),
    "питер": ("санкт", "петербург"),
    "мск": ("москва",),
    "екб": ("екатеринбург",),
    "нск": ("новосибирск",),
}
_TOWN_WORDS = word_set("г гор город городе города")
_SETTLEMENTS = _TOWN_WORDS | word_set(
    """
    пос поселок поселке поселка п пгт рп нп с село селе села д дер деревня деревне деревни ст станица станице х
    хутор хуторе аул снт днт тер территория городской округ муниципальный
    """
)
_STREETS_AFTER_NAME = word_set(
    "ул улица улице улицы проспект проспекте проезд переулок шоссе набережная бульвар площадь тракт тракте"
)
_STREETS = _STREETS_AFTER_NAME | word_set(
    "пр просп пер ш наб набережной бул пл площади туп тупик аллея мкр мкрн микрорайон"
)
_HOUSE_WORDS = word_set("д дом влад владение вл уч участок")
_COUNTRIES = word_set("россия россии рф")
_DROPPED = _SETTLEMENTS | _STREETS | _HOUSE_WORDS | _COUNTRIES | {"респ", "в"}
# Parts of a house stay marked, or "дом 5 кв 12" would equal "дом 12 кв 5".
_NUMBERED = {
    **dict.fromkeys(("к", "кор", "корп", "корпус"), "к"),
    **dict.fromkeys(("с", "стр", "строение"), "стр"),
    **dict.fromkeys(("лит", "литер", "литера"), "лит"),
    **dict.fromkeys(("кв", "квартира"), "кв"),
    **dict.fromkeys(("оф", "офис"), "оф"),
    **dict.fromkeys(("пом", "помещение"), "пом"),
    **dict.fromkeys(("эт", "этаж"), "эт"),
}
_PARTS = re.compile(r"[,;|]")
_TOKEN = re.compile(r"[0-9]+(?:/[0-9]+)?[а-яa-z]?(?![^\W_])|[0-9]+|[^\W\d_]+")
_POSTCODE = re.compile(r"\b[1-9][0-9]{5}\b")
_MARKED_TOWN = re.compile(
    r"(?<![^\W_])(?:(?:г|гор|город[еа]?|пос[её]л(?:ок|ке)|пос|пгт|рп|сел[ое]|дер|деревн[яе]|станиц[ае]|хутор)(?:\.\s*|\s+)"
    r"|[спдх]\.\s*)(?P<name>[а-яё]{2,}(?:-[а-яё]+)*(?:\s+(?-i:[А-ЯЁ][а-яё]+))?)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Region:
    """A region as addresses name it: the tax service's code and the official name."""

    code: str
    name: str


class _Entry(NamedTuple):
    """One way to name a region or a town: the forms each of its words may have."""

    words: tuple[frozenset[str], ...]
    region: Region
    city: str


# --- the comparable form ------------------------------------------------------------------------


def normalize_place(address: object) -> str:
    """Return the telling words of an address, sorted: no case, ё, punctuation, kinds of street or order."""
    text = _POSTCODE.sub(" ", _folded(address))
    found = (token for part in _PARTS.split(text) for token in _marked(_TOKEN.findall(part)))
    return " ".join(sorted({token for token in found if token not in _DROPPED}))


def _folded(address: object) -> str:
    lines = plain(address)[:MAX_PLACE].casefold().replace("ё", "е").replace("\n", ",")
    text = " ".join(lines.split())
    for pattern, full in _WRITTEN_OUT:
        text = pattern.sub(full, text)
    return text


def _marked(tokens: list[str]) -> Iterator[str]:
    """Yield the tokens in one form each: "корп. 2" as "к2", "5 а" as "5а", "СПб" written out."""
    at = 0
    while at < len(tokens):
        token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
        at += 1
        if token in _NUMBERED and following[:1].isdigit():
            yield f"{_NUMBERED[token]}{following}"
            at += 1
        elif token.isdigit() and _is_house_letter(following, last=at + 1 == len(tokens)):
            yield f"{token}{following}"
            at += 1
        else:
            yield from _SHORT_TOWNS.get(token, (_CANONICAL.get(token, token),))


def _is_house_letter(token: str, *, last: bool) -> bool:
    """Tell whether a letter belongs to the number before it; "5 в ..." and "5 г. ..." are other words."""
    return token in ("а", "б") or (last and token in ("в", "г", "д", "е"))


# --- regions and towns --------------------------------------------------------------------------


@lru_cache(maxsize=1)
def regions() -> tuple[Region, ...]:
    """Return all regions in the order of their codes."""
    return tuple(Region(row["code"], row["name"]) for row in _rows())


def region_of(text: object) -> str | None:
    """Return the official name of the region that an address names, itself or by a town of it."""
    found = _find(text)
    return found.region.name if found else None


def region_code_of(text: object) -> str | None:
    """Return the code ("66") of the region that an address names."""
    found = _find(text)
    return found.region.code if found else None


def city_of(text: object) -> str | None:
    """Return the town of an address: a known one, else the word marked as a town ("г. Кукуево")."""
    known = _first(_place_words(text), towns=True)
    if known is not None:
        return known.city
    marked = _MARKED_TOWN.search(" ".join(plain(text)[:MAX_PLACE].split()))
    if marked is None or marked["name"].casefold() in _DROPPED:
        return None
    return "-".join(piece[:1].upper() + piece[1:] for piece in marked["name"].split("-"))


def _find(text: object) -> _Entry | None:
    words = _place_words(text)
    return _first(words, towns=False) or _first(words, towns=True)


def _first(words: list[str], *, towns: bool) -> _Entry | None:
    """Return the first entry that the words name; of several beginning with one word, the longest."""
    index = _index()
    for at, word in enumerate(words):
        for entry in index.get(word, ()):
            if bool(entry.city) is towns and _matches(entry, words[at : at + len(entry.words)]):
                return entry
    return None


def _matches(entry: _Entry, words: list[str]) -> bool:
    return len(words) == len(entry.words) and all(word in forms for word, forms in zip(words, entry.words, strict=True))


def _place_words(text: object) -> list[str]:
    """Return the words of an address that can name a town or region; streets are named after both."""
    words: list[str] = []
    for part in _PARTS.split(_folded(text)):
        tokens = list(_marked(re.findall(r"[^\W\d_]+", part)))
        words += [token for token in _before_street(tokens) if token not in _TOWN_WORDS | _COUNTRIES]
    return words


def _before_street(tokens: list[str]) -> list[str]:
    """Return what stands before the street: "Казань ул Кирова" and "Казань Кирова ул" both give "Казань"."""
    at = next((at for at, token in enumerate(tokens) if token in _STREETS), None)
    if at is None:
        return tokens
    named_after = any(token not in _HOUSE_WORDS and token not in _NUMBERED for token in tokens[at + 1 :])
    own_name = tokens[at] in _STREETS_AFTER_NAME and not named_after
    return tokens[: max(0, at - 1)] if own_name else tokens[:at]


@lru_cache(maxsize=1)
def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(_DATA.read_text(encoding="utf-8"))
    return rows


@lru_cache(maxsize=1)
def _index() -> dict[str, list[_Entry]]:
    """Return the entries by every form of their first word, the longest names first."""
    index: dict[str, list[_Entry]] = defaultdict(list)
    for row, region in zip(_rows(), regions(), strict=True):
        entries = [_Entry(words, region, "") for words in _region_names(row)]
        entries += [_Entry(_all_forms(city), region, city) for city in row["cities"]]
        for entry in entries:
            for form in entry.words[0]:
                index[form].append(entry)
    for named in index.values():
        named.sort(key=lambda entry: -len(entry.words))
    return dict(index)


def _region_names(row: dict[str, Any]) -> Iterator[tuple[frozenset[str], ...]]:
    for alias in row["aliases"]:
        yield _all_forms(alias, genitive=True)
    adjective, _, kind = row["name"].casefold().rpartition(" ")
    if kind in ("область", "край") and adjective.isalpha():
        named = (_forms(adjective), frozenset({_CANONICAL[kind]}))
        yield named
        yield named[::-1]


def _all_forms(name: str, *, genitive: bool = False) -> tuple[frozenset[str], ...]:
    words = re.findall(r"[^\W\d_]+", name.casefold().replace("ё", "е"))
    return tuple(_forms(word, genitive=genitive) for word in words)


def _forms(word: str, *, genitive: bool = False) -> frozenset[str]:
    """Return a word with the endings it has in an address: "в Казани", "из Омска", "в Нижнем Новгороде".

    The -а of "Кирова" is left out for towns unless their ending shows it is no surname's.
    """
    if word in _CANONICAL.values():
        return frozenset({word})
    base, ends = word[:-1], "е у ом"
    if word.endswith(("ая", "ый", "ий", "ой", "ые", "ие")):
        base, ends = word[:-2], "ой ую ого ому ом ем его ых их ым им"
    elif word.endswith("ь"):
        ends = "и е я ю ью"
    elif word.endswith(("а", "я")):
        ends = "ы и е у ю ой ей"
    elif word.endswith(("ы", "и")):
        ends = "ах ам ов"
    elif word.endswith("й"):
        ends = "я е ю ем"
    elif word.endswith("о"):
        ends = "е"
    elif word.endswith(("е", "э", "у")):
        ends = ""
    else:
        base = word
        if genitive or word.endswith(("ск", "цк", "град", "бург", "город")):
            ends = "е у ом а"
    return frozenset({word, *(base + end for end in ends.split())})
