"""Phone numbers as Russians write them, recognised and put into E.164."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import phonenumbers
from django.utils.translation import gettext
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from crm.normalize.numbers import is_inn
from crm.normalize.text import digits, plain

PhoneKind = Literal["mobile", "landline", "tollfree", "other"]


@dataclass(frozen=True, slots=True)
class Phone:
    """A recognised phone number: its E.164 form, its extension and exactly what was typed."""

    e164: str
    extension: str
    original: str
    kind: PhoneKind


class _Number(NamedTuple):
    """What was recognised, without what was typed."""

    e164: str
    kind: PhoneKind


_KINDS: dict[int, PhoneKind] = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.TOLL_FREE: "tollfree",
}
_DASHES = r"\-\u2010\u2011\u2012\u2013\u2014\u2212"
# Bounded, so that a page of blanks after a digit costs no time.
_GLUE = rf"[ \t().{_DASHES}]{{0,6}}"
_CANDIDATE = re.compile(rf"(?<![\w@])\(?\+?[ \t]?\(?[0-9](?:{_GLUE}[0-9]){{6,39}}")
_GROUP = re.compile(r"[0-9]+")
# Nobody writes a number in more pieces; without a limit a text of "8-8-8-..." is tried in every way there is.
MAX_GROUPS = 8
_EXTENSION = re.compile(
    r"\)?[\s,;(]*(?:доб(?:авочный)?|вн(?:утр(?:енний)?)?|ext(?:ension)?|[#xх*])[\s.:№]*([0-9]{1,7})(?![0-9])",
    re.IGNORECASE,
)
_INN_LABEL = re.compile(r"(?:ИНН|КПП|ОГРН(?:ИП)?|БИК|INN)[\s:№/]*$", re.IGNORECASE)
# Neighbours whose numbers are often written without the plus.
_NEIGHBOUR_CODES = ("373", "374", "375", "380", "992", "993", "994", "995", "996", "998")
# Landline codes that no tax office shares, so ten bare digits after them cannot be an INN.
_NEVER_INN = ("9", "495", "496", "498", "499", "812")


def phone(raw: object, region: str = "RU") -> Phone | None:
    """Return the first phone number found in a field, or None when there is none in it."""
    return next(iter(phones(raw, region)), None)


def phones(text: object, region: str = "RU") -> list[Phone]:
    """Return every phone number in the text, in order, each once."""
    found: dict[tuple[str, str], Phone] = {}
    for _start, _end, item in scan(plain(text), region):
        found.setdefault((item.e164, item.extension), item)
    return list(found.values())


def format_phone(e164: str, extension: str = "") -> str:
    """Return the number as people read it: "+7 (912) 345-67-89", abroad in the international style."""
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164
    national = str(number.national_number)
    if number.country_code == 7 and len(national) == 10 and national[0] not in "67":
        shown = f"+7 ({national[:3]}) {national[3:6]}-{national[6:8]}-{national[8:]}"
    else:
        shown = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    return f"{shown} {gettext('ext.')} {extension}" if extension else shown


def scan(text: str, region: str) -> Iterator[tuple[int, int, Phone]]:
    """Find the numbers with their places; digits glued by spaces may be two numbers in a row."""
    at = 0
    while match := _CANDIDATE.search(text, at):
        start, end = match.span()
        at = end
        if _INN_LABEL.search(text, max(0, start - 12), start):
            continue
        groups = [(group.start(), group.end()) for group in _GROUP.finditer(text, start, end)]
        hit = _first_number(text, start, groups, region)
        if hit is None:
            continue
        begin, stop, number = hit
        extension = _EXTENSION.match(text, stop)
        at = extension.end() if extension else stop
        ext = extension.group(1) if extension else ""
        yield begin, at, Phone(number.e164, ext, text[begin:at].strip(), number.kind)


def _first_number(text: str, start: int, groups: list[tuple[int, int]], region: str) -> tuple[int, int, _Number] | None:
    """Return the first run of digit groups that is a number, the longest such run."""
    for first, (group_start, _) in enumerate(groups):
        begin = start if first == 0 else group_start
        for _last_start, stop in reversed(groups[first : first + MAX_GROUPS]):
            number = _parse(text[begin:stop], region)
            if number is not None:
                return begin, stop, number
    return None


@lru_cache(maxsize=1024)
def _parse(written: str, region: str) -> _Number | None:
    """Return the valid number that the digits mean, trying the Russian habits in turn.

    One request has its phone read some six times: for the answer, the lead, its title, its search text.
    """
    bare = digits(written)
    if not 9 <= len(bare) <= 17:
        return None
    plus = written.lstrip("( ").startswith("+")
    if not plus and written.isdigit() and is_inn(bare) and not (len(bare) == 10 and bare.startswith(_NEVER_INN)):
        return None
    for form in _readings(bare, plus, region):
        try:
            number = phonenumbers.parse(form, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return _Number(_e164(number), _kind(number))
    return None


def _readings(bare: str, plus: bool, region: str) -> Iterator[str]:
    """Yield the ways to read the digits, the likeliest first."""
    russian = region == "RU"
    if plus:
        yield f"+{bare}"
        if russian and len(bare) == 11 and bare[0] == "8":  # "+8 912 ...": the trunk prefix after a plus
            yield f"+7{bare[1:]}"
        if russian and len(bare) == 10:  # "+912 ...": the seven was left out
            yield f"+7{bare}"
        return
    if russian and len(bare) == 11 and bare[0] in "78":
        yield f"+7{bare[1:]}"
    elif russian and len(bare) == 10:
        yield f"+7{bare}"
    elif russian and bare.startswith(("810", "00")):
        yield f"+{bare[3:] if bare.startswith('810') else bare[2:]}"
    elif russian:
        if bare.startswith(_NEIGHBOUR_CODES):
            yield f"+{bare}"
    else:
        yield bare


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _kind(number: PhoneNumber) -> PhoneKind:
    return _KINDS.get(phonenumbers.number_type(number), "other")
