"""Duplicates of construction objects: what is certain, what is probable, and why."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objects_registry.similarity import Features, compare, reason_text, within

quick = settings(max_examples=150, deadline=None)

BUILDING = Features(
    width=Decimal(24),
    length=Decimal(60),
    height=Decimal(6),
    area=Decimal(1440),
    place="казань ленина 5",
    purpose=1,
)
SIX = ("width", "length", "height", "area", "place", "purpose")

sizes = st.one_of(st.none(), st.just(Decimal(0)), st.decimals(1, 200, places=2))
features = st.builds(
    Features,
    width=sizes,
    length=sizes,
    height=sizes,
    area=st.one_of(st.none(), st.decimals(10, 20_000, places=2)),
    place=st.sampled_from(["", "казань", "казань ленина 5", "казань ленина 7", "уфа", "мира уфа"]),
    purpose=st.sampled_from([None, 1, 2]),
)


def without(building, feature):
    return replace(building, **{feature: "" if feature == "place" else None})


@pytest.mark.rule("OBJ-2")
def test_all_six_agreeing_is_certain_with_the_reasons():
    match = compare(BUILDING, BUILDING)
    assert match.certain
    assert match.score == 1.0
    assert match.reasons == ("same_place", "same_purpose", "same_size", "same_height", "same_area")


@pytest.mark.rule("OBJ-2")
def test_width_and_length_may_be_swapped():
    turned = replace(BUILDING, width=BUILDING.length, length=BUILDING.width)
    match = compare(BUILDING, turned)
    assert match.certain
    assert "swapped_sides" in match.reasons
    assert "swapped_sides" not in compare(BUILDING, BUILDING).reasons


@pytest.mark.rule("OBJ-2")
@pytest.mark.parametrize(("length", "certain"), [("60.6", True), ("60.61", False), ("59.4", True), ("59.39", False)])
def test_sizes_agree_up_to_one_percent_of_the_larger(length, certain):
    other = replace(BUILDING, length=Decimal(length), area=Decimal(1440))
    match = compare(BUILDING, other)
    assert match.certain is certain
    assert ("size_within_tolerance" in match.reasons) is True


@pytest.mark.rule("OBJ-2")
def test_the_tolerance_can_be_set():
    other = replace(BUILDING, length=Decimal(63))
    assert not compare(BUILDING, other).certain
    assert compare(BUILDING, other, Decimal("0.05")).certain


@pytest.mark.rule("OBJ-2")
@pytest.mark.parametrize("feature", SIX)
def test_an_empty_field_is_never_certain_nor_a_match_by_itself(feature):
    gap = without(BUILDING, feature)
    for match in (compare(gap, BUILDING), compare(BUILDING, gap), compare(gap, gap)):
        assert not match.certain
        assert match.score < 1
    nothing = Features()
    assert compare(nothing, nothing).score == 0
    assert compare(nothing, BUILDING).reasons == ()


@pytest.mark.rule("OBJ-2")
def test_a_zero_size_is_an_empty_one():
    assert not compare(replace(BUILDING, height=Decimal(0)), replace(BUILDING, height=Decimal(0))).certain


@pytest.mark.rule("OBJ-2")
@pytest.mark.parametrize(
    ("change", "probable"),
    [
        ({"height": None}, True),
        ({"height": Decimal(8)}, True),
        ({"purpose": 2}, True),
        ({"height": None, "purpose": None}, True),
        ({"width": None, "length": None, "height": None}, True),
        ({"place": "казань"}, True),
        ({"place": ""}, False),
        ({"place": "уфа"}, False),
        ({"length": Decimal(90), "area": Decimal(2160)}, False),
        ({"width": None, "length": None, "height": None, "area": None}, False),
    ],
)
def test_probable_needs_the_place_and_more(change, probable):
    match = compare(BUILDING, replace(BUILDING, **change))
    assert match.probable is probable
    assert not match.certain


@pytest.mark.rule("OBJ-2")
@quick
@given(features, features)
def test_comparing_is_symmetric(a, b):
    there, back = compare(a, b), compare(b, a)
    assert (there.certain, there.score, set(there.reasons)) == (back.certain, back.score, set(back.reasons))


@pytest.mark.rule("OBJ-2")
@quick
@given(features, features)
def test_turning_a_building_changes_nothing(a, b):
    turned = replace(b, width=b.length, length=b.width)
    assert (compare(a, b).certain, compare(a, b).score) == (
        compare(a, turned).certain,
        compare(a, turned).score,
    )


@pytest.mark.rule("OBJ-2")
@quick
@given(features, features)
def test_the_score_is_a_share_and_certain_is_the_top(a, b):
    match = compare(a, b)
    assert 0 <= match.score <= 1
    assert match.certain <= (match.score == 1.0)
    assert match.certain <= match.probable
    if any(not getattr(side, name) for side in (a, b) for name in SIX):
        assert not match.certain


@pytest.mark.rule("OBJ-2")
@quick
@given(features, st.sampled_from(SIX))
def test_emptying_a_field_that_agreed_never_helps(a, name):
    assert compare(without(a, name), a).score <= compare(a, a).score


@quick
@given(st.decimals(1, 1000, places=2), st.decimals("-0.05", "0.05", places=4))
def test_within_is_exactly_the_share_of_the_larger(x, share):
    y = x * (1 + share)
    assert within(x, y) == within(y, x) == (abs(x - y) * 100 <= max(x, y))


@pytest.mark.rule("OBJ-2")
def test_every_reason_has_words():
    turned = replace(BUILDING, width=Decimal("60.1"), length=Decimal(24), place="казань")
    codes = {*compare(BUILDING, BUILDING).reasons, *compare(BUILDING, turned).reasons}
    assert {"swapped_sides", "similar_place", "size_within_tolerance"} <= codes
    for code in codes:
        assert str(reason_text(code)) not in ("", code)
    assert reason_text("unheard_of") == "unheard_of"
