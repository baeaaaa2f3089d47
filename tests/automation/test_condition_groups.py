"""Groups of conditions in the editor of robots: and, or, not; read from a tree and written back as the same one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.models import Role
from automation.models import Rule
from automation.rule_forms import ASKED
from automation.wording import sentence
from crm import conditions
from crm.condition_groups import ConditionGroups
from crm.models import RecordType
from tests.automation.test_rule_editor import FORM, PAGE, at, own, tasks
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("AUTO-1")]

TVER = {"field": "region", "op": "in", "value": ["Тверская область"]}
KALUGA = {"field": "region", "op": "in", "value": ["Калужская область"]}
BIG = {"field": "amount", "op": "gte", "value": "1000"}
SMALL = {"field": "amount", "op": "lte", "value": "5000"}
NO_CITY = {"field": "city", "op": "empty"}
DEEP = {"any": [KALUGA, {"all": [TVER, {"any": [BIG, NO_CITY]}]}]}


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(make_user(Role.SALES_HEAD))
    return client


def groups_of(tree: Any) -> ConditionGroups:
    return ConditionGroups(None, record_type="deal", columns=ASKED[RecordType.DEAL], tree=tree, prefix="if")


def sent(page: str) -> QueryDict:
    """What a browser without scripts sends of the conditions on a page."""
    data = QueryDict(mutable=True)
    part = page[page.index('id="conditions"') :]
    part = part[: part.index("</section>")]
    for tag in re.findall(r"<input[^>]*>", part):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and (" checked" in tag or 'type="radio"' not in tag):
            data.appendlist(name[1], value[1] if value else "")
    for name, body in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', part, re.DOTALL):
        for value in re.findall(r'<option value="([^"]*)"[^>]* selected', body):
            data.appendlist(name, value)
    return data


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"all": [TVER]},
        {"all": [TVER, BIG, SMALL, NO_CITY]},
        {"any": [TVER, BIG]},
        {"any": [TVER, {"all": [BIG, SMALL]}]},  # a from–to is one of several
        {"not": {"any": [TVER, NO_CITY]}},
        {"not": {"all": [TVER, NO_CITY]}},
        {"not": TVER},
        {"all": [TVER, {"any": [BIG, NO_CITY]}, {"not": SMALL}]},
        {"any": [{"all": [TVER, BIG]}, {"all": [KALUGA, SMALL]}]},
        {"any": [TVER, KALUGA]},  # the same field twice: two groups
        {"all": [TVER, KALUGA]},
        {"all": [TVER, DEEP]},  # too deep for groups: kept
        DEEP,
        {"not": {"not": TVER}},
    ],
)
def test_a_tree_is_shown_as_groups_and_saved_unchanged_is_the_same_tree(office: Client, tree: Any) -> None:
    conditions.check(tree, "deal")
    office.post(f"{PAGE}new/", FORM)
    Rule.objects.filter(pk=own().pk).update(conditions=tree)
    page = office.get(f"{PAGE}{own().pk}/").content.decode()
    answer = office.post(f"{PAGE}{own().pk}/", {**FORM, **dict(sent(page).lists())})
    assert answer.status_code == 302, answer.content.decode()
    assert own().conditions == tree


@pytest.mark.parametrize(
    ("tree", "groups", "kept"),
    [
        ({"any": [TVER, BIG]}, 1, 0),
        ({"any": [TVER, KALUGA]}, 2, 0),
        ({"any": [BIG, SMALL]}, 2, 0),  # both ends of one field, but either is enough: no from–to
        ({"all": [TVER, KALUGA]}, 2, 0),
        (DEEP, 1, 1),
        ({"any": [{"not": BIG}] * 8}, 6, 2),
    ],
)
def test_what_fits_into_no_group_is_kept_as_it_is(tree: Any, groups: int, kept: int) -> None:
    shown = groups_of(tree)
    assert (len(shown.forms), len(shown.kept)) == (groups, kept)


def test_groups_made_in_the_browser_are_added_taken_away_tried_and_obeyed(office: Client) -> None:
    data = {**FORM, "if-region": ["Тверская область"], "if-groups": ""}
    page = office.post(f"{PAGE}new/", {**data, "add_group": "1"}).content.decode()
    assert page.count('name="if-groups"') == 2
    assert "Пожалуйста, исправьте" not in page
    data |= {"if-groups": ["", "1"], "if1-mode": "any", "if1-amount_gte": "1 000", "if1-empty": ["city"]}
    page = office.post(f"{PAGE}new/", {**data, "add_group": "1"}).content.decode()
    assert page.count('name="if-groups"') == 3
    data |= {"if-groups": ["", "1", "2"], "if2-mode": "none", "if2-amount_lte": "10"}
    page = office.post(f"{PAGE}new/", {**data, "drop_group": "if2"}).content.decode()
    assert page.count('name="if-groups"') == 2
    assert 'value="1 000"' in page
    words = "если регион: Тверская область и (сумма ≥ 1000 или город: пусто) и неверно, что (сумма ≤ 10) – поставить"
    assert words in office.post(f"{PAGE}new/", {**data, "try": "1", "days": "30"}).content.decode()
    assert not Rule.objects.filter(is_shipped=False).exists()
    assert office.post(f"{PAGE}new/", data).status_code == 302
    rule = own()
    assert words in sentence(rule)
    head = make_user(Role.SALES_HEAD)
    assert tasks(at(head, region="Тверская область", amount=2000, city="Тверь")) == ["Позвонить"]
    assert tasks(at(head, region="Тверская область", amount=500, city="Тверь")) == []
    assert tasks(at(head, region="Тверская область", amount=5)) == []
    assert tasks(at(head, region="Калужская область", amount=2000)) == []


def test_either_of_two_groups_is_enough_when_they_are_joined_by_or(office: Client) -> None:
    data = {
        **FORM, "if-groups": ["", "1"], "if-join": "any", "if-region": ["Тверская область"], "if-amount_gte": "1000",
        "if1-region": ["Калужская область"],
    }  # fmt: skip
    office.post(f"{PAGE}new/", data)
    assert own().conditions == {"any": [{"all": [TVER, BIG]}, KALUGA]}
    assert "(регион: Тверская область и сумма ≥ 1000) или регион: Калужская область" in sentence(own())
    # The second group emptied: only the first is left, joined to nothing.
    office.post(f"{PAGE}{own().pk}/", {**data, "if1-region": []})
    assert own().conditions == {"all": [TVER, BIG]}


def test_nonsense_about_groups_is_no_500(office: Client) -> None:
    for wrong in ({"if-groups": ["x", "-1", "9" * 50]}, {"if-groups": "", "drop_group": "if"}, {"if-mode": "maybe"}):
        assert office.post(f"{PAGE}new/", {**FORM, "add_group": "1", **wrong}).status_code == 200
    answer = office.post(f"{PAGE}new/", {**FORM, "if-mode": "maybe"})
    assert answer.status_code == 422
