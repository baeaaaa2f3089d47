"""Robots in the browser: what happens next on a card, and the rules of the settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from automation.models import Rule, ScheduledRun
from crm.clients import contact_update
from crm.models import Change
from crm.stages import move
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, language="en")


@pytest.fixture
def office(client: Client, head: Any) -> Client:
    client.force_login(head)
    return client


def waiting_deal(by: Any) -> Any:
    """A deal in delayed demand, for which three steps are planned."""
    deal = make_deal(by, contact=make_client(by))
    move(deal, "delayed_demand", by=by, override=True)
    return deal


@pytest.mark.rule("AUTO-1", "DEAL-5")
def test_the_card_says_what_happens_next_and_one_step_is_skipped(office: Client, head: Any, clock: Any) -> None:
    deal = waiting_deal(head)
    url = f"/robots/deal/{deal.pk}/"
    assert office.get(url, headers=HTMX).content.decode().count("/skip/") == 3 * 2
    first = ScheduledRun.objects.order_by("due_at").first()
    assert first is not None
    assert office.post(f"/robots/runs/{first.pk}/skip/", headers=HTMX).status_code == 204
    assert office.get(url, headers=HTMX).content.decode().count("/skip/") == 2 * 2


@pytest.mark.rule("AUTO-2")
def test_a_step_is_moved_to_another_day_and_done_now(office: Client, head: Any, clock: Any) -> None:
    waiting_deal(head)
    first, *_rest = ScheduledRun.objects.order_by("due_at")
    assert office.post(f"/robots/runs/{first.pk}/postpone/", {"due_at": "01.01.2020 10:00"}).status_code == 422
    later = clock.now() + timedelta(days=100)
    office.post(f"/robots/runs/{first.pk}/postpone/", {"due_at": f"{later:%d.%m.%Y} 10:00"}, headers=HTMX)
    first.refresh_from_db()
    assert first.is_moved
    answer = office.post(f"/robots/runs/{first.pk}/now/", headers=HTMX)
    first.refresh_from_db()
    assert (answer.status_code, first.state) == (204, "done")


@pytest.mark.rule("ACC-1")
def test_strangers_see_and_touch_nothing_and_partners_no_robots(office: Client, head: Any) -> None:
    deal = waiting_deal(head)
    run = ScheduledRun.objects.first()
    assert run is not None
    for role in (Role.SALES_MANAGER, Role.PARTNER, Role.PARTNER_CONTROL, Role.CALL_CENTER):
        office.force_login(make_user(role))
        assert office.get(f"/robots/deal/{deal.pk}/").status_code == 404
        for act in ("skip", "now", "postpone"):
            assert office.post(f"/robots/runs/{run.pk}/{act}/").status_code == 404
        assert office.get("/settings/rules/").status_code == 403
    run.refresh_from_db()
    assert run.state == "scheduled"


@pytest.mark.rule("AUTO-1")
def test_a_rule_is_switched_off_and_on_with_a_trace(office: Client, head: Any) -> None:
    page = office.get("/settings/rules/")
    assert page.status_code == 200
    rule = Rule.objects.first()
    assert rule is not None
    office.post(f"/settings/rules/{rule.pk}/switch/", {"on": "0"})
    rule.refresh_from_db()
    assert not rule.is_active
    office.post(f"/settings/rules/{rule.pk}/switch/", {"on": "1"})
    assert Change.objects.filter(record_type="rule", record_id=rule.pk, field="is_active").count() == 2
    assert office.get(f"/settings/rules/{rule.pk}/runs/").status_code == 200


@pytest.mark.rule("DEAL-5")
def test_days_changed_in_the_settings_move_what_is_planned(office: Client, head: Any, clock: Any) -> None:
    from crm.settings_services import preferences_set

    waiting_deal(head)
    before = list(ScheduledRun.objects.order_by("due_at").values_list("due_at", flat=True))
    preferences_set({"delayed_demand_days": "10, 10, 10"}, by=head)
    after = list(ScheduledRun.objects.order_by("due_at").values_list("due_at", flat=True))
    # Day 60 is the holiday of 1 May, a Friday: the first step was due three days later, and is not any more.
    assert [old - new for old, new in zip(before, after, strict=True)] == [
        timedelta(days=53), timedelta(days=70), timedelta(days=90),
    ]  # fmt: skip


@pytest.mark.rule("DEAL-8", "DEAL-5")
def test_the_plan_says_by_which_channel_or_why_it_is_a_task(office: Client, head: Any, clock: Any) -> None:
    deal = waiting_deal(head)
    page, api = f"/robots/deal/{deal.pk}/", f"/api/v1/deals/{deal.pk}/robots/"
    address = deal.contact.email or "example.org"
    assert address in office.get(page, headers=HTMX).content.decode()
    contact_update(deal.contact, by=head, data={"messages_consent": False})
    said = office.get(page, headers=HTMX).content.decode()
    assert "No consent." in said
    assert "Message to the client" not in said
    planned = office.get(api).json()["planned"]
    assert any("No consent." in item["what"] for item in planned)
