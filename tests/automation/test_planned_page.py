"""All that robots have planned, on one page and in the API: whose, by day, cut, done and called off from there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from automation.models import Rule, ScheduledRun
from crm.exclusions import exclusion_add
from crm.models import Activity
from crm.services import note_add
from crm.stages import move
from leads.services import lead_create
from partners.handoff import hand_over
from tests.api.conftest import Caller
from tests.factories import make_client, make_company, make_deal, make_partner, make_team, make_user

pytestmark = pytest.mark.django_db
PAGE, API = "/robots/planned/", "robot-runs/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, language="en")


@pytest.fixture
def office(client: Client, head: Any) -> Client:
    client.force_login(head)
    return client


@pytest.fixture
def caller() -> Any:
    """`caller(user)`: a program with a token of that user."""
    return Caller


def waiting_deal(by: Any, title: str, **data: Any) -> Any:
    """A deal in delayed demand, with its three steps on days 60, 90 and 120."""
    deal = make_deal(by, title=title, responsible=by, **{"contact": make_client(by), **data})
    move(deal, "delayed_demand", by=by, override=True)
    return deal


def shown(client: Client, query: str = "") -> str:
    answer = client.get(f"{PAGE}{query}", headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.rule("DEAL-8")
def test_the_next_thirty_days_are_shown_by_day_and_no_more(office: Client, head: Any, clock: Any) -> None:
    waiting_deal(head, "Ангар ближний")
    assert "Ангар ближний" not in shown(office)
    clock.travel(days=45)
    page = shown(office)
    assert page.count("Ангар ближний</a>") == 1, "day 60 is within thirty days, day 90 is not"
    assert "Delayed demand: first reminder" in page
    assert "Message to the client: E-mail" in page
    far = ScheduledRun.objects.order_by("due_at").last()
    assert far is not None
    assert shown(office, f"?due_to={far.due_at:%Y-%m-%d}").count("Ангар ближний</a>") == 3


@pytest.mark.rule("ACC-1", "DEAL-8")
def test_everybody_sees_the_plans_of_their_own_records_alone(
    client: Client, head: Any, clock: Any, caller: Any
) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger = make_user(team=team), make_user(team=team), make_user()
    waiting_deal(owner, "Склад владельца")
    waiting_deal(stranger, "Цех чужой")
    clock.travel(days=45)
    seen: dict[str, set[str]] = {}
    for name, person in (("owner", owner), ("mate", mate), ("stranger", stranger), ("head", head)):
        client.force_login(person)
        page = shown(client)
        seen[name] = {title for title in ("Склад владельца", "Цех чужой") if title in page}
        assert {row["record"] for row in caller(person).get(API).json()["results"]} == seen[name], name
        if name == "mate":
            assert "/skip/" not in page, "a teammate looks on"
    assert seen == {
        "owner": {"Склад владельца"}, "mate": {"Склад владельца"}, "stranger": {"Цех чужой"},
        "head": {"Склад владельца", "Цех чужой"},
    }  # fmt: skip


@pytest.mark.rule("ACC-1")
def test_partners_have_no_such_page_and_control_sees_no_plans_of_the_makers_own(
    client: Client, head: Any, clock: Any, caller: Any
) -> None:
    waiting_deal(head, "Ангар")
    dealer = make_user(Role.PARTNER, partner=make_partner())
    twin = hand_over(record=make_deal(head), partner=dealer.partner, by=head).twin_id
    rule = Rule.objects.get(code="delayed_reminder_1")
    ScheduledRun.objects.create(
        rule=rule, key="twin", record_type="deal", record_id=twin, due_at=clock.now() + timedelta(days=50)
    )
    clock.travel(days=45)
    for user in (dealer,):
        client.force_login(user)
        assert client.get(PAGE).status_code == 403
        for path in (API, f"{API}silence/"):
            assert caller(user).get(path).status_code == 403
    control = caller(make_user(Role.PARTNER_CONTROL))
    assert [row["record_id"] for row in control.get(API).json()["results"]] == [twin]


@pytest.mark.rule("DEAL-8")
def test_the_plan_is_cut_by_pipeline_rule_and_responsible(office: Client, head: Any, clock: Any, caller: Any) -> None:
    other = make_user()
    waiting_deal(head, "Ангар РОПа")
    waiting_deal(other, "Ангар менеджера")
    clock.travel(days=65)  # day 60 is done or due, day 90 is ahead
    second = Rule.objects.get(code="delayed_reminder_2")
    cuts = {
        f"?responsible={other.pk}": {"Ангар менеджера"},
        f"?rule={second.pk}&responsible={head.pk}": {"Ангар РОПа"},
        "?pipeline=deal": {"Ангар РОПа", "Ангар менеджера"},
        "?pipeline=lead": set(),
    }
    program = caller(head)
    for query, titles in cuts.items():
        page = shown(office, query)
        assert {title for title in ("Ангар РОПа", "Ангар менеджера") if f">{title}</a>" in page} == titles, query
        assert {row["record"] for row in program.get(f"{API}{query}").json()["results"]} == titles, query
    assert program.get(f"{API}?rule=no").status_code == 400
    assert program.get(f"{API}?colour=red").status_code == 400
    for odd in ("?rule=" + "9" * 40, "?responsible=x", "?pipeline=%00", "?due_to=0001-01-01", "?state=what", "?page=9"):
        assert office.get(f"{PAGE}{odd}").status_code == 200, odd


@pytest.mark.rule("DEAL-8")
def test_a_step_is_skipped_moved_and_done_from_the_page(office: Client, head: Any, clock: Any) -> None:
    for number in range(3):
        waiting_deal(head, f"Склад {number}")
    clock.travel(days=45)
    skipped, moved, done = ScheduledRun.objects.filter(rule__code="delayed_reminder_1").order_by("id")
    page = shown(office)
    assert all(f"/robots/runs/{run.pk}/{act}/" in page for run in (skipped, moved, done) for act in ("skip", "now"))
    office.post(f"/robots/runs/{skipped.pk}/skip/", headers=HTMX)
    far = clock.now() + timedelta(days=200)
    office.post(f"/robots/runs/{moved.pk}/postpone/", {"due_at": f"{far:%d.%m.%Y} 10:00"}, headers=HTMX)
    office.post(f"/robots/runs/{done.pk}/now/", headers=HTMX)
    assert "Склад" not in shown(office)


@pytest.mark.rule("AUTO-3")
def test_what_could_not_be_done_stands_on_a_tab_of_its_own(office: Client, head: Any, clock: Any, caller: Any) -> None:
    deal = waiting_deal(head, "Цех")
    run = ScheduledRun.objects.earliest("due_at")
    ScheduledRun.objects.filter(pk=run.pk).update(state="failed", note="Почта не отвечает")
    assert "Почта не отвечает" not in shown(office)
    assert "Почта не отвечает" in shown(office, "?state=failed")
    assert '<span class="tab-count num">1</span>' in office.get(PAGE).content.decode()
    failed = caller(head).get(f"{API}?state=failed").json()["results"]
    assert [(row["id"], row["record_id"], row["note"]) for row in failed] == [(run.pk, deal.pk, "Почта не отвечает")]


@pytest.mark.rule("DEAL-8", "LEAD-15")
def test_the_forecast_of_many_is_that_of_each_card(office: Client, head: Any, clock: Any, caller: Any) -> None:
    company = make_company(head)
    person = make_client(head, company=company)
    waiting_deal(head, "По контакту")
    waiting_deal(head, "По компании", contact=None, company=company)
    waiting_deal(head, "Без людей", contact=None, company=make_company(head))
    waiting_deal(head, "Без согласия", contact=make_client(head, messages_consent=False))
    held = make_client(head, email="kto@spam.example")
    waiting_deal(head, "В исключениях", contact=held)
    exclusion_add(kind="domain", value="spam.example", reason="спам", by=head)
    letters = Rule.objects.get(code="lead_declined_letter")
    for number, email in enumerate(("ivan@example.org", "kto@spam.example", "")):
        lead = lead_create(by=head, data={"name": f"Лид {number}"}, emails=email)
        ScheduledRun.objects.create(
            rule=letters, key=f"letter{number}", record_type="lead", record_id=lead.pk, due_at=clock.now()
        )
    clock.travel(days=45)
    program = caller(head)
    rows = program.get(API).json()["results"]
    assert len(rows) == 5 + 3
    for row in rows:
        card = program.get(f"{row['record_type']}s/{row['record_id']}/robots/").json()["planned"]
        assert row["what"] == next(line["what"] for line in card if line["id"] == row["id"]), row["record"]
    by_title = {row["record"]: row["what"] for row in rows}
    assert person.email in by_title["По компании"]
    assert "kto@" not in by_title["В исключениях"]


@pytest.mark.rule("LEAD-18")
def test_silence_ahead_is_counted_by_rule(office: Client, head: Any, clock: Any, caller: Any) -> None:
    stranger = caller(make_user())
    Rule.objects.update(switched_on_at=clock.now() - timedelta(days=60))
    quiet = [lead_create(by=head, data={"name": f"Пётр {number}", "responsible": head}) for number in range(3)]
    Activity.objects.all().delete()
    type(quiet[0])._default_manager.update(next_activity_at=None)

    def ahead() -> dict[str, Any]:
        return {row["rule_name"]: row for row in caller(head).get(f"{API}silence/").json()}

    name = "Lead stands still: remind the responsible"
    assert (ahead()[name]["count"], ahead()[name]["waiting"]) == (3, 0)
    assert name in shown(office)
    assert name not in shown(office, "?pipeline=deal")
    assert stranger.get(f"{API}silence/").json() == []
    clock.travel(days=4)
    note_add(quiet[0], text="Позвонили, думает", by=head)
    first = ahead()[name]
    assert (first["count"], first["first"][:10]) == (3, f"{clock.now() + timedelta(days=1):%Y-%m-%d}")
    clock.travel(days=3)  # two are due already, one is still ahead
    assert (ahead()[name]["count"], ahead()[name]["waiting"]) == (1, 2)
    type(quiet[0])._default_manager.update(next_activity_at=clock.now() + timedelta(days=2))
    assert ahead() == {}, "a planned step is no silence"


def test_the_page_asks_as_often_for_forty_as_for_four(
    office: Client, head: Any, clock: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(40):
        company = make_company(head)
        given = {"contact": None, "company": company} if number % 3 == 0 else {}
        waiting_deal(head, f"Ангар {number}", **given)
    clock.travel(days=45)
    assert shown(office).count("/skip/") == 40 * 2
    with django_assert_max_num_queries(20):
        shown(office)
