"""Titles of records by template: `{source}: {name}, {purpose} {length}×{width}, {city}`.

A part without a value takes its punctuation, its unit and its brackets away with it.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext

from crm.normalize import one_line

DEFAULT_LEAD_TITLE = "{source}: {name}, {purpose} {length}×{width}, {city}"
DEFAULT_DEAL_TITLE = "{object} — {client}, {area} м²"
MAX_TITLE = 255

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_BRACKETS = {"(": ")", "[": "]", "«": "»"}
_BRACKETED = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|«([^«»]*)»")
_TOKEN = re.compile(
    r"(?P<field>\{[A-Za-z_][A-Za-z0-9_]*\})"
    r"|(?P<bracket>\([^()]*\)|\[[^\[\]]*\]|«[^«»]*»)"
    r"|(?P<mark>\s*[,:;|/×·•]\s*|\s+[-–—.xх]\s+|[-–—.](?=\s|$)\s*|(?<=\})[-–—.xх](?=\{)|\s+)"
    r"|(?P<word>[^\s,:;|/×·•{(\[«]+)"
)
# Which separator stays when the value between two of them is empty: the one that divides more.
_STRENGTH = {"×": 0, "x": 0, "х": 0, "/": 0, "": 1, ",": 2, ".": 3, ";": 3, "|": 3, "·": 3, "•": 3, ":": 4}
_DASHES = ("-", "–", "—")
_STRONG = 2
_UNITS = frozenset(
    {
        "м",
        "m",
        "м²",
        "м2",
        "m²",
        "m2",
        "кв.м",
        "кв.м.",
        "т",
        "т.",
        "t",
        "кг",
        "руб",
        "руб.",
        "₽",
        "%",
        "шт",
        "шт.",
    }
)
_STRAY = " \t,:;|/×·•-–—"


@dataclass(slots=True)
class _Part:
    """A piece of a template: a value, a constant word or a separator."""

    kind: str
    text: str


def validate_title_template(template: str, allowed: Collection[str]) -> None:
    """Raise ValueError, naming what is wrong, unless placeholders are known and brackets whole."""
    for name in _PLACEHOLDER.findall(template):
        if name not in allowed:
            raise ValueError(
                gettext("Unknown placeholder {%(name)s}; known are: %(known)s.")
                % {"name": name, "known": ", ".join(sorted(allowed))}
            )
    bare = _PLACEHOLDER.sub("", template)
    if "{" in bare or "}" in bare:
        raise ValueError(gettext("A brace in the template belongs to no placeholder."))
    left = _BRACKETED.sub("", bare)
    for char in (*_BRACKETS, *_BRACKETS.values()):
        if char in left:
            raise ValueError(
                gettext("The bracket %(bracket)s in the template has no pair of its own.") % {"bracket": char}
            )


def render_title(template: str, values: Mapping[str, object], limit: int = MAX_TITLE) -> str:
    """Return the title; values are plain text (braces in them mean nothing), empty ones leave no trace.

    When every value is empty, the words the template begins with are all that is left.
    """
    validate_title_template(template, values.keys())
    parts = _parts(template, values)
    title = _join(_without_empty(parts)) or _leading_words(parts)
    return title if len(title) <= limit else f"{title[: limit - 1].rstrip(_STRAY)}…"


def title_value(value: object) -> str:
    """Return a value as it stands in a title: 24.00 as "24", 24.50 as "24,5", a lone dash as nothing."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, Decimal | float):
        number = Decimal(str(value))
        return f"{number.normalize():f}".replace(".", ",") if number.is_finite() else ""
    text = one_line(value).strip(_STRAY)
    return text if any(char.isalnum() for char in text) else ""


def _parts(template: str, values: Mapping[str, object]) -> list[_Part]:
    """Split the template; a bracket is a value of its own, rendered from what is inside it."""
    parts = []
    for match in _TOKEN.finditer(one_line(template)):
        kind, text = str(match.lastgroup), match.group()
        if kind == "field":
            parts.append(_Part("value", title_value(values[text[1:-1]])))
        elif kind == "bracket":
            inner = _parts(text[1:-1], values)
            content = _join(_without_empty(inner))
            parts.append(_Part("value", f"{text[0]}{content}{text[-1]}" if content else ""))
        else:
            parts.append(_Part(kind, text))
    return parts


def _without_empty(parts: list[_Part]) -> list[_Part]:
    """Drop empty values with the words that belong to them: units, "для {client}", a wholly empty group."""
    kept: list[_Part] = []
    group: list[_Part] = []
    for part in [*parts, _Part("mark", ",")]:
        group.append(part)
        if part.kind == "mark" and _strength(part.text) >= _STRONG:
            kept += _filled(group)
            group = []
    return kept[:-1]


def _filled(group: list[_Part]) -> list[_Part]:
    """Return a group (what stands between two strong separators) without its empty values."""
    values = [part for part in group if part.kind == "value"]
    if values and not any(part.text for part in values):
        return [part for part in group if part.kind == "mark"]
    kept: list[_Part] = []
    seen_value = False
    for at, part in enumerate(group):
        if part.kind == "value":
            seen_value = True
        owner = _owner(group, at) if part.kind == "word" and seen_value else None
        if (part.kind != "value" or part.text) and (owner is None or owner.text):
            kept.append(part)
    return kept


def _owner(group: list[_Part], at: int) -> _Part | None:
    """Return the value a word belongs to: a unit to the one before it, other words to the one after."""
    is_unit = group[at].text in _UNITS
    around = reversed(group[:at]) if is_unit else iter(group[at + 1 :])
    return next((part for part in around if part.kind == "value"), None)


def _join(parts: list[_Part]) -> str:
    """Join the pieces; of several separators in a row the strongest stays, at the ends none does."""
    pieces: list[str] = []
    pending: str | None = None
    for part in parts:
        if part.kind == "mark":
            if pending is None or _strength(part.text) > _strength(pending):
                pending = part.text
        elif part.text:
            if pieces and pending is not None:
                pieces.append(pending)
            pieces.append(part.text)
            pending = None
    return "".join(pieces).strip(_STRAY).rstrip(f"{_STRAY}№#")


def _leading_words(parts: list[_Part]) -> str:
    """Return the constant words before the first value."""
    words = []
    for part in parts:
        if part.kind == "value":
            break
        words.append(part)
    return _join(words)


def _strength(mark: str) -> int:
    char = mark.strip()
    if char in _DASHES:
        return 3 if mark != char else 0
    return _STRENGTH[char]
