"""Area and tonnage from sizes, the choice of the consumption row, and hand-entered values."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objects_registry.tonnage import area, pick_consumption, recalculated, span, tonnage

quick = settings(max_examples=100, deadline=None)
STORE, SHOP = 1, 2
metres = st.decimals(Decimal("0.01"), 500, places=2)


@dataclass(frozen=True)
class Row:
    purpose_id: int | None
    span_to: Decimal | None
    height_to: Decimal | None
    kg_per_m2: Decimal


def row(purpose, span_to, height_to, kg):
    bounds = (None if bound is None else Decimal(bound) for bound in (span_to, height_to))
    return Row(purpose, *bounds, Decimal(kg))


TABLE = [
    row(STORE, 18, 6, 32),
    row(STORE, 24, 6, 38),
    row(STORE, 24, 10, 44),
    row(STORE, None, None, 60),
    row(SHOP, 24, None, 50),
    row(None, 24, 8, 45),
]


@pytest.mark.rule("LEAD-4")
@pytest.mark.rule("DEAL-2")
@pytest.mark.parametrize(
    ("length", "width", "expected"),
    [
        ("60", "24", "1440.00"),
        ("60.5", "24.25", "1467.13"),
        ("60", None, None),
        (None, None, None),
        ("0", "24", None),
        ("-1", "5", None),
    ],
)
def test_area_needs_both_sides(length, width, expected):
    given_sides = [None if side is None else Decimal(side) for side in (length, width)]
    assert area(*given_sides) == (None if expected is None else Decimal(expected))


@pytest.mark.rule("DEAL-2")
def test_tonnage_is_area_by_consumption_by_a_thousand():
    assert tonnage(Decimal(1440), Decimal(38)) == Decimal("54.720")
    assert tonnage(Decimal("0.5"), Decimal(1)) == Decimal("0.001")
    assert tonnage(None, Decimal(38)) is None
    assert tonnage(Decimal(1440), None) is None


@pytest.mark.rule("DEAL-2")
@quick
@given(metres, metres, st.decimals(1, 200, places=2))
def test_turning_the_building_changes_neither_area_nor_tonnage(length, width, kg):
    assert area(length, width) == area(width, length)
    assert span(length, width) == span(width, length) == min(length, width)
    tonnes = tonnage(area(length, width), kg)
    if tonnes is not None:
        assert abs(tonnes * 1000 - area(length, width) * kg) <= Decimal("0.5")


@pytest.mark.rule("DEAL-2")
@pytest.mark.parametrize(
    ("purpose", "span_m", "height_m", "kg"),
    [
        (STORE, 18, 6, 32),
        (STORE, "18.01", 6, 38),
        (STORE, 24, "6.1", 44),
        (STORE, 30, 6, 60),
        (STORE, 18, None, 60),
        (STORE, None, None, 60),
        (SHOP, 12, None, 50),
        (SHOP, 12, 7, 50),
        (SHOP, 30, 7, None),
        (99, 20, 7, 45),
        (None, 20, 7, 45),
        (None, None, None, None),
    ],
)
def test_the_closest_row_of_the_table_is_taken(purpose, span_m, height_m, kg):
    sizes = [None if size is None else Decimal(size) for size in (span_m, height_m)]
    for table in (TABLE, TABLE[::-1]):
        found = pick_consumption(table, purpose, *sizes)
        assert (found and found.kg_per_m2) == (None if kg is None else Decimal(kg))


def test_an_empty_table_gives_no_row():
    assert pick_consumption([], STORE, Decimal(1), Decimal(1)) is None


@pytest.mark.rule("DEAL-2")
@pytest.mark.parametrize(
    ("value", "computed", "is_manual", "expected"),
    [
        (None, 10, False, (10, False, False)),
        (5, 10, False, (10, False, False)),
        (5, None, False, (None, False, False)),
        (5, 10, True, (5, True, True)),
        (10, 10, True, (10, True, False)),
        (5, None, True, (5, True, False)),
        (None, 10, True, (10, False, False)),
    ],
)
def test_a_hand_entered_value_is_never_overwritten(value, computed, is_manual, expected):
    numbers = [None if number is None else Decimal(number) for number in (value, computed)]
    result = recalculated(*numbers, is_manual)
    assert (result.value, result.is_manual, result.differs) == expected
