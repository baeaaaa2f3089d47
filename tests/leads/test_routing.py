"""The routing table: which row takes a lead, who gets it, what is told, and how the table is kept."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from accounts.models import Role
from automation.models import Rule
from crm import clock, conditions
from crm.actors import Actor
from crm.errors import InvalidInput, StageError
from crm.models import Activity, Change, Channel, Source, TimelineEntry
from crm.timeline import sentence
from leads import routing
from leads.models import Lead, RoutingRule
from leads.routing import evaluate, lead_route
from leads.routing_services import routing_order_set, routing_rule_save
from leads.services import lead_create
from partners.models import Handoff
from tests.factories import make_deal, make_partner, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-8")]

FORM = Actor.form("Сайт")
COMPLETE = {
    "name": "Пётр Кузнецов", "channel": Channel.FORM, "purpose": "warehouse", "address": "Тверь, ул. Ленина, 5",
    "length": Decimal(60), "width": Decimal(24), "height": Decimal(8),
}  # fmt: skip


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, last_name="Соколов", position="РОП")


def request(phone: str = "89123456789", **data: Any) -> Lead:
    """A complete request of a site form, with everything that the shipped rules do to it."""
    made = lead_create(by=FORM, data=COMPLETE | data, phones=phone)
    return Lead.objects.get(pk=made.pk)


def row(head: Any, **data: Any) -> RoutingRule:
    target = next(name for name in ("person", "team", "partner") if name in data)
    return routing_rule_save(RoutingRule(), by=head, data={"name": f"Строка {target}", "target": target, **data})


def is_in(field: str, *values: Any) -> dict[str, Any]:
    return {"field": field, "op": "in", "value": list(values)}


def told(lead: Lead, action: str) -> list[str]:
    rows = TimelineEntry.objects.filter(record_type="lead", record_id=lead.pk, action=action)
    return [sentence(entry) for entry in rows]


# -- what the shipped rule does ---------------------------------------------------------------------------------------


def test_a_complete_request_goes_to_whom_the_first_matching_row_names(head: Any) -> None:
    anna, boris = make_user(last_name="Орлова"), make_user(last_name="Борисов")
    row(head, name="Юг", person=boris, conditions={"all": [is_in("region", "Краснодарский край")]})
    row(head, name="Большие", person=anna, conditions={"all": [{"field": "area", "op": "gte", "value": "1000"}]})
    row(head, name="Все", person=boris)
    lead = request()
    assert (lead.stage, lead.responsible, lead.area) == ("lead:handed_over", anna, Decimal(1440))
    (line,) = told(lead, "lead_routed")
    assert "«Большие»" in line
    assert "Орлова" in line
    assert "≥ 1000" in line


def test_no_match_leaves_the_lead_with_the_head_at_its_stage(head: Any) -> None:
    row(head, person=make_user(), conditions={"all": [is_in("region", "Пермский край")]})
    lead = request()
    assert (lead.stage, lead.responsible) == ("lead:data_complete", head)
    assert told(lead, "lead_routed") == []
    (line,) = told(lead, "lead_not_routed")
    assert "Соколов" in line


def test_an_empty_table_says_nothing(head: Any) -> None:
    lead = request()
    assert (lead.stage, told(lead, "lead_not_routed")) == ("lead:data_complete", [])


def test_the_rule_can_be_switched_off(head: Any) -> None:
    row(head, person=make_user())
    Rule.objects.filter(code="lead_route").update(is_active=False)
    assert request().stage == "lead:data_complete"


def test_data_that_become_complete_later_are_routed_then(head: Any) -> None:
    from crm.stages import move

    anna = make_user()
    row(head, person=anna)
    lead = request(purpose=None)
    assert lead.stage == "lead:needs_data"
    move(lead, "data_complete", by=head, data={"purpose": "warehouse"})
    lead.refresh_from_db()
    assert (lead.stage, lead.responsible) == ("lead:handed_over", anna)


def test_a_lead_that_somebody_works_at_is_left_to_them(head: Any) -> None:
    from crm.stages import move

    owner = make_user()
    row(head, person=make_user())
    lead = lead_create(by=owner, data={**COMPLETE, "channel": Channel.MANUAL, "name": "Пётр"})
    lead = Lead.objects.get(pk=lead.pk)
    if lead.stage == "lead:new":
        move(lead, "data_complete", by=owner, data={"phone": "89123456700"})
    lead.refresh_from_db()
    assert lead.responsible == owner


def test_a_robots_task_of_the_head_goes_along(head: Any) -> None:
    from crm.services import activity_create

    anna = make_user()
    lead = request()
    activity_create(lead, title="Позвонить", due_at=clock.now() + timedelta(days=1), responsible=head, by=head)
    row(head, person=anna)
    lead_route(lead, by=head)
    assert Activity.objects.get().responsible == anna


# -- targets ----------------------------------------------------------------------------------------------------------


def test_a_team_takes_turns_and_skips_the_absent(head: Any) -> None:
    team = make_team(name="Юг")
    first, away, third = (make_user(team=team) for _number in range(3))
    make_user(team=team, is_active=False)
    make_user(Role.CALL_CENTER, team=team)
    away.absent_from = date(2020, 1, 1)
    away.save()
    row(head, team=team)
    got = [request(phone=f"8912345678{number}", length=Decimal(60 + number)).responsible for number in range(4)]
    assert got == [first, third, first, third]


def test_two_rows_of_one_team_share_its_turn(head: Any) -> None:
    team = make_team()
    first, second = make_user(team=team), make_user(team=team)
    row(head, team=team, conditions={"all": [is_in("channel", "form")]})
    row(head, team=team)
    assert request().responsible == first
    assert request("89120000001", channel=Channel.API, length=Decimal(90)).responsible == second


def test_the_least_loaded_gets_it(head: Any) -> None:
    team = make_team()
    busy, free = make_user(team=team), make_user(team=team)
    make_deal(busy)
    row(head, team=team, share="least_loaded")
    lead = request()
    assert lead.responsible == free
    assert "наименее загружен: 0" in told(lead, "lead_routed")[0]


def test_a_row_that_nobody_can_take_is_passed_over_and_told(head: Any) -> None:
    away = make_user(last_name="Отпускная", absent_from=date(2020, 1, 1))
    anna, team = make_user(last_name="Орлова"), make_team(name="Пустая")
    row(head, name="Кто в отпуске", person=away)
    row(head, name="Никого", team=team)
    row(head, person=anna)
    lead = request()
    assert lead.responsible == anna
    (line,) = told(lead, "lead_routed")
    assert "«Кто в отпуске» – Отпускная" in line
    assert "«Никого» – в команде «Пустая» некому взять лид" in line


def test_a_partner_gets_a_lead_through_the_hand_over(head: Any) -> None:
    partner = make_partner(name="Дилер")
    dealer = make_user(Role.PARTNER, partner=partner)
    row(head, name="Дилеру", partner=partner)
    lead = request()
    assert (lead.stage, lead.responsible) == ("lead:handed_over", head)
    handoff = Handoff.objects.get()
    twin = Lead.objects.get(pk=handoff.twin_id)
    assert (handoff.record_id, twin.responsible, twin.partner) == (lead.pk, dealer, partner)
    assert handoff.comment == ""
    assert "Дилер" in told(lead, "lead_routed")[0]
    assert not [line for line in told(twin, "lead_routed") if line]


@pytest.mark.parametrize("why", ["paused", "nobody"])
def test_a_partner_that_takes_nothing_is_passed_over(head: Any, why: str) -> None:
    partner = make_partner()
    if why == "paused":
        make_user(Role.PARTNER, partner=partner)
        partner.state = "paused"
        partner.save()
    row(head, partner=partner)
    lead = request()
    assert (lead.stage, lead.responsible) == ("lead:data_complete", head)
    assert not Handoff.objects.exists()
    assert "Строка partner" in told(lead, "lead_not_routed")[0]


# -- conditions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leaf", "holds"),
    [
        (is_in("region", "Тверская область"), True),
        (is_in("region", "Пермский край", "Тверская область"), True),
        (is_in("region", "Пермский край"), False),
        ({"field": "area", "op": "gte", "value": "1440"}, True),
        ({"field": "area", "op": "lte", "value": 1440}, True),
        ({"field": "area", "op": "gt", "value": "1440"}, False),
        ({"field": "area", "op": "empty"}, False),
        (is_in("purpose", "warehouse"), True),
        (is_in("purpose", "hangar"), False),
        (is_in("channel", "form", "api"), True),
        ({"field": "source", "op": "empty"}, True),
        ({"field": "source", "op": "ne", "value": "yandex_direct"}, True),
        (is_in("responsible__position", "РОП"), True),
        (is_in("responsible__position", "Менеджер"), False),
        ({"not": is_in("region", "Тверская область")}, False),
        ({"any": [is_in("region", "Пермский край"), is_in("channel", "form")]}, True),
        ({}, True),
    ],
)
def test_a_condition_means_the_same_in_python_and_in_the_database(head: Any, leaf: dict[str, Any], holds: bool) -> None:
    Source.objects.get_or_create(code="yandex_direct", defaults={"name_ru": "Директ"})
    lead = request()
    conditions.check(leaf, "lead", fields=routing.FIELDS)
    assert conditions.matches(leaf, lead) is holds
    assert Lead.objects.filter(conditions.as_q(leaf, "lead"), pk=lead.pk).exists() is holds
    assert all(part.text for part in conditions.explain(leaf, lead))
    rule = RoutingRule(pk=5, conditions=leaf)
    assert routing.count_by_row(Lead.objects.filter(pk=lead.pk), [rule]) == {5 if holds else 0: 1}


def test_the_region_of_a_town_and_the_full_name_of_a_region_are_found(head: Any) -> None:
    assert request(address="", city="Казань").region == "Республика Татарстан"
    assert request("89120000001", address="", region="татарстан", city="").region == "Республика Татарстан"
    assert request("89120000002", address="", region="Где-то там", city="").region == "Где-то там"


@pytest.mark.parametrize(
    "tree",
    [
        {"all": [{"field": "phone", "op": "filled"}]},
        {"is": "with_head"},
        {"field": "responsible__password", "op": "filled"},
        {"field": "area", "op": "gte", "value": "много"},
        {"field": "area", "op": "gte", "value": "NaN"},
        {"field": "purpose", "op": "in", "value": ["nothing"]},
        {"field": "responsible", "op": "in", "value": [10**30]},
        {"field": "responsible", "op": "eq", "value": "x"},
        {"all": []},
        {"field": "region", "op": "like", "value": "x"},
    ],
)
def test_conditions_that_cannot_be_are_refused(head: Any, tree: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        row(head, person=head, conditions=tree)
    assert refused.value.message
    assert not RoutingRule.objects.exists()


# -- keeping the table ------------------------------------------------------------------------------------------------


def test_only_the_head_keeps_the_table_and_every_change_is_audited(head: Any) -> None:
    anna = make_user()
    with pytest.raises(PermissionDenied):
        row(anna, person=anna)
    first, second = row(head, name="Первая", person=anna), row(head, name="Вторая", person=anna)
    routing_order_set([second.pk, first.pk], by=head)
    assert [rule.name for rule in RoutingRule.objects.all()] == ["Вторая", "Первая"]
    fields = list(Change.objects.filter(record_type="routing").order_by("id").values_list("field", flat=True))
    assert fields == ["created", "created", "order"]
    with pytest.raises(InvalidInput):
        routing_order_set([second.pk, second.pk], by=head)


def test_a_row_needs_whom_it_names(head: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        routing_rule_save(RoutingRule(), by=head, data={"name": "Пусто", "target": "team"})
    assert refused.value.errors[0]["pointer"] == "/team"


def test_a_lead_that_is_handed_over_is_not_routed_again(head: Any) -> None:
    row(head, person=make_user())
    lead = request()
    with pytest.raises(StageError):
        lead_route(lead, by=head)


def test_trying_changes_nothing(head: Any) -> None:
    team = make_team()
    first = make_user(team=team)
    make_user(team=team)
    lead = request()
    row(head, name="Мимо", person=first, conditions={"all": [is_in("region", "Пермский край")]})
    row(head, team=team)
    for _time in range(2):
        decision = evaluate(lead)
        assert decision.choice.to == first
    assert [part.found for part in decision.rows[0].parts] == ["Тверская область"]
    lead.refresh_from_db()
    assert (lead.stage, lead.responsible) == ("lead:data_complete", head)
    assert not told(lead, "lead_routed")


# -- pages ------------------------------------------------------------------------------------------------------------


def post_row(client: Any, **data: Any) -> Any:
    return client.post(reverse("settings-routing-add"), {"name": "Крупные", "target": "person", **data})


def test_the_form_makes_conditions_and_shows_them_again(client: Any, head: Any) -> None:
    anna = make_user()
    client.force_login(head)
    answer = post_row(client, person=anna.pk, area_from="1 000", region=["Пермский край"], channel=["form", "api"])
    assert answer.status_code == 302, answer.content.decode()
    rule = RoutingRule.objects.get()
    assert rule.conditions == {
        "all": [
            is_in("region", "Пермский край"),
            {"field": "area", "op": "gte", "value": "1000"},
            is_in("channel", "form", "api"),
        ]
    }
    page = client.get(reverse("settings-routing")).content.decode()
    assert "Пермский край" in page
    form = client.get(reverse("settings-routing-row", args=[rule.pk])).content.decode()
    assert '<option value="Пермский край" selected>' in form
    assert 'value="1000"' in form


def test_conditions_set_through_the_api_survive_the_form(client: Any, head: Any) -> None:
    deep = {"not": is_in("channel", "phone")}
    rule = row(head, person=head, conditions={"all": [is_in("region", "Пермский край"), deep]})
    client.force_login(head)
    url = reverse("settings-routing-row", args=[rule.pk])
    assert "неверно, что (" in client.get(url).content.decode()
    client.post(url, {"name": "Иначе", "target": "person", "person": head.pk, "area_to": "50"})
    rule.refresh_from_db()
    assert rule.conditions == {"all": [{"field": "area", "op": "lte", "value": "50"}, deep]}


@pytest.mark.parametrize(
    "data", [{"person": ""}, {"person": "0"}, {"area_from": "5", "area_to": "4"}, {"name": ""}, {"target": "x"}]
)
def test_a_wrong_row_is_told_at_the_field(client: Any, head: Any, data: dict[str, Any]) -> None:
    client.force_login(head)
    answer = post_row(client, **{"person": head.pk, **data})
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()
    assert not RoutingRule.objects.exists()


def test_the_numbers_of_the_last_days_open_their_lists(client: Any, head: Any, clock: Any) -> None:
    anna = make_user()
    big, small = request(), request("89120000001", length=Decimal(10), width=Decimal(10))
    rule = row(head, name="Большие", person=anna, conditions={"all": [{"field": "area", "op": "gt", "value": "500"}]})
    clock.travel(days=10)
    client.force_login(head)
    page = client.get(reverse("settings-routing"))
    lines = page.context["table"]["lines"]
    assert [(line["rule"], line["count"]) for line in lines] == [(rule, 1), (None, 1)]
    for line, lead in zip(lines, (big, small), strict=True):
        shown = client.get(line["url"]).context["page"]
        assert [item.pk for item in shown] == [lead.pk]
    short = client.get(reverse("settings-routing"), {"days": "9"})
    assert [line["count"] for line in short.context["table"]["lines"]] == [0, 0]


@pytest.mark.parametrize(
    "query", ["lead=999999", "lead=x", "days=x", "days=-1", "days=99999999999", "lead=99999999999999999999", "area=x"]
)
def test_odd_questions_get_an_answer(client: Any, head: Any, query: str) -> None:
    client.force_login(head)
    assert client.get(f"{reverse('settings-routing')}?{query}").status_code == 200


def test_the_page_tries_a_lead_and_gives_it_away(client: Any, head: Any) -> None:
    anna = make_user(last_name="Орлова")
    lead = request()
    row(head, name="Мимо", person=anna, conditions={"all": [is_in("region", "Пермский край")]})
    row(head, name="Сюда", person=anna)
    client.force_login(head)
    page = client.get(reverse("settings-routing"), {"lead": lead.pk}).content.decode()
    assert "Подошла строка «Сюда»" in page
    assert "у лида: Тверская область" in page
    client.post(reverse("settings-routing-apply", args=[lead.pk]))
    lead.refresh_from_db()
    assert lead.responsible == anna


def test_the_order_is_kept_by_drag_and_by_buttons(client: Any, head: Any) -> None:
    a, b, c = (row(head, name=name, person=head) for name in "абв")
    client.force_login(head)

    def order() -> list[str]:
        return list(RoutingRule.objects.values_list("name", flat=True))

    answer = client.post(
        reverse("settings-routing-order"), {"ids": f"{c.pk},{a.pk},{b.pk}"}, headers={"HX-Request": "true"}
    )
    assert (answer.status_code, order()) == (204, ["в", "а", "б"])
    client.post(reverse("settings-routing-shift", args=[b.pk]), {"to": "up"})
    assert order() == ["в", "б", "а"]
    client.post(reverse("settings-routing-shift", args=[c.pk]), {"to": "up"})
    assert order() == ["в", "б", "а"]
    assert client.post(reverse("settings-routing-order"), {"ids": "x,1"}).status_code == 422
