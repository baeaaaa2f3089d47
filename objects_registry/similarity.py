"""How alike two construction objects are, by the six things a building is known for.

Pure functions over plain features: candidates are found by index elsewhere and scored here.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TOLERANCE = Decimal("0.01")
# Same place, purpose and area (or sides) reach it; standard sizes alone, with the place unknown, do not.
PROBABLE_THRESHOLD = 0.65

_WEIGHTS = {"place": 0.40, "purpose": 0.20, "width": 0.12, "length": 0.12, "height": 0.08, "area": 0.08}
# What a disagreement takes away, as a share of the weight: a shed may be called a warehouse by the next
# person, but a building stands in one place only.
_PENALTIES = {"place": 1.0, "purpose": 0.5, "width": 1.0, "length": 1.0, "height": 0.5, "area": 1.0}
_SIMILAR_PLACE = 0.5

_REASONS: dict[str, Promise] = {
    "same_place": _("same place"),
    "similar_place": _("similar place"),
    "same_purpose": _("same purpose"),
    "same_size": _("same sizes"),
    "size_within_tolerance": _("sizes within the tolerance"),
    "swapped_sides": _("width and length swapped"),
    "same_height": _("same height"),
    "same_area": _("same area"),
}


@dataclass(frozen=True, slots=True)
class Features:
    """What two objects are compared by; the place is in the normalised form of crm.places."""

    width: Decimal | None = None
    length: Decimal | None = None
    height: Decimal | None = None
    area: Decimal | None = None
    place: str = ""
    purpose: str | int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """The answer: certain only when all six agree, otherwise a score from 0 to 1 with its reasons."""

    certain: bool
    score: float
    reasons: tuple[str, ...]

    @property
    def probable(self) -> bool:
        """Tell whether the score is worth a warning."""
        return self.certain or self.score >= PROBABLE_THRESHOLD


@dataclass(frozen=True, slots=True)
class _Evidence:
    """One comparison: how far it speaks for a match (1), against it (-1), or not at all (0)."""

    feature: str
    value: float
    reasons: tuple[str, ...] = ()


def compare(a: Features, b: Features, tolerance: Decimal = TOLERANCE) -> Match:
    """Compare two objects; what is empty on either side speaks neither for nor against."""
    evidence = [
        _place(a.place, b.place),
        _purpose(a.purpose, b.purpose),
        *_sides(a, b, tolerance),
        _number("height", a.height, b.height, tolerance, "same_height"),
        _number("area", a.area, b.area, tolerance, "same_area"),
    ]
    score = sum(_gain(item) for item in evidence)
    reasons = dict.fromkeys(reason for item in evidence if item.value > 0 for reason in item.reasons)
    return Match(
        certain=all(item.value == 1 for item in evidence),
        score=round(min(1.0, max(0.0, score)), 4),
        reasons=tuple(reasons),
    )


def reason_text(code: str) -> str | Promise:
    """Return the reason in the user's words; an unknown code is shown as it is rather than lost."""
    return _REASONS.get(code, code)


def within(x: Decimal, y: Decimal, tolerance: Decimal = TOLERANCE) -> bool:
    """Tell whether two numbers agree: their difference is at most this share of the larger one."""
    return abs(x - y) <= tolerance * max(abs(x), abs(y))


def _gain(item: _Evidence) -> float:
    share = item.value if item.value >= 0 else item.value * _PENALTIES[item.feature]
    return share * _WEIGHTS[item.feature]


def _given(value: Decimal | None) -> Decimal | None:
    """Return a size that says something: nobody builds zero metres, forms send it all the same."""
    return value if value is not None and value.is_finite() and value > 0 else None


def _number(feature: str, x: Decimal | None, y: Decimal | None, tolerance: Decimal, reason: str) -> _Evidence:
    x, y = _given(x), _given(y)
    if x is None or y is None:
        return _Evidence(feature, 0)
    return _Evidence(feature, 1, (reason,)) if within(x, y, tolerance) else _Evidence(feature, -1)


def _sides(a: Features, b: Features, tolerance: Decimal) -> list[_Evidence]:
    """Compare width and length, as given and swapped, and keep what speaks more for a match."""
    straight = _two_sides((a.width, a.length), (b.width, b.length), tolerance)
    swapped = _two_sides((a.width, a.length), (b.length, b.width), tolerance)
    if sum(map(_gain, swapped)) <= sum(map(_gain, straight)):
        return straight
    return [replace(item, reasons=(*item.reasons, "swapped_sides")) for item in swapped]


_Pair = tuple[Decimal | None, Decimal | None]


def _two_sides(a: _Pair, b: _Pair, tolerance: Decimal) -> list[_Evidence]:
    exact = all(_given(x) == _given(y) for x, y in zip(a, b, strict=True))
    reason = "same_size" if exact else "size_within_tolerance"
    names = ("width", "length")
    return [_number(name, x, y, tolerance, reason) for name, x, y in zip(names, a, b, strict=True)]


def _place(x: str, y: str) -> _Evidence:
    """Compare normalised places; a town alone is part of an address in it, so it half agrees."""
    if not x or not y:
        return _Evidence("place", 0)
    if x == y:
        return _Evidence("place", 1, ("same_place",))
    left, right = set(x.split()), set(y.split())
    common = left & right
    if common in (left, right) or 2 * len(common) >= len(left | right):
        return _Evidence("place", _SIMILAR_PLACE, ("similar_place",))
    return _Evidence("place", -1)


def _purpose(x: str | int | None, y: str | int | None) -> _Evidence:
    if x is None or y is None:
        return _Evidence("purpose", 0)
    return _Evidence("purpose", 1, ("same_purpose",)) if x == y else _Evidence("purpose", -1)
