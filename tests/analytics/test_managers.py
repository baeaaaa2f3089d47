"""The report of the managers: first reaction in working time, plans, bonus by rules, each for whom it is meant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import QueryDict
from django.test import Client

from accounts.models import Role
from analytics.managers.look import MANAGERS
from analytics.managers.plans import plans_set
from analytics.managers.report import ManagerReport, ManagerRow
from analytics.models import BonusRule, SalesPlan
from crm import clock, services
from crm.actors import Actor
from crm.models import ActorKind, TimelineEntry
from leads.copies import make_copies
from leads.models import Lead
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ANA-5")]
TODAY = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
FORM = Actor(ActorKind.FORM, None, "Сайт")
SPAN = "from=2026-03-01&to=2026-03-31"


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def made(user: Any, query: str = SPAN) -> ManagerReport:
    with clock.frozen(TODAY):
        report: ManagerReport = MANAGERS.made(user, QueryDict(query))
    return report


def row_of(report: ManagerReport, user: Any) -> ManagerRow:
    return next(row for row in report.rows if row.user == user.pk)


def working_seconds(start: datetime, end: datetime, off: set[date]) -> int:
    """By hand: minute after minute from nine to six on weekdays, Moscow time."""
    count, zone = 0, clock.company_zone()
    while start < end:
        local = start.astimezone(zone)
        if local.isoweekday() <= 5 and local.date() not in off and 9 <= local.hour < 18:
            count += 60
        start += timedelta(minutes=1)
    return count


def test_first_reaction_is_the_median_of_working_time(head: Any) -> None:
    manager = make_user()
    came = datetime(2026, 3, 5, 13, 30, tzinfo=UTC)  # a Thursday, 16:30 in Moscow; the ninth is a holiday
    spans = [timedelta(minutes=10), timedelta(hours=20), timedelta(days=5, hours=1), timedelta(days=2)]
    for number, span in enumerate(spans):
        at = came + timedelta(hours=number)
        with clock.frozen(at):
            data = {"title": "Запрос", "responsible": manager, "channel": "form"}
            lead = services.record_create(Lead, data=data, by=FORM, pipeline="lead")
        with clock.frozen(at + span):
            services.note_add(lead, text="позвонил", by=manager)
    with clock.frozen(came):  # by hand, and one nobody touched: neither is a reaction
        services.record_create(Lead, data={"title": "Сам", "responsible": manager}, by=manager, pipeline="lead")
        services.record_create(Lead, data={**data, "title": "Ждёт"}, by=FORM, pipeline="lead")
    row = row_of(made(head), manager)
    by_hand = sorted(
        working_seconds(came + timedelta(hours=n), came + timedelta(hours=n) + span, {date(2026, 3, 9)})
        for n, span in enumerate(spans)
    )
    assert TimelineEntry.objects.filter(record_type="lead", action="note").count() == 4
    assert (row.reacted, row.reaction_seconds) == (4, by_hand[1])


def test_bonus_and_plan_follow_their_rules(head: Any, client: Client) -> None:
    manager, colleague = make_user(), make_user()
    with clock.frozen(datetime(2026, 3, 10, 9, tzinfo=UTC)):
        mother = make_deal(manager, stage="contract_signed", amount=Decimal("1000.10"))
        make_deal(colleague, stage="contract_signed", amount=Decimal(500))
        make_copies(deal_id=mother.pk, by=manager, count=2, key="a")
    BonusRule.objects.create(name="Договоры", basis="won", percent=Decimal("1.5"))
    BonusRule.objects.create(name="Допродажи", basis="upsell_made", per_deal=Decimal("100.50"))
    BonusRule.objects.create(name="Старое", basis="won", percent=Decimal(50), is_active=False)
    month = date(2026, 3, 1)
    plans = {manager.pk: (Decimal(2000), 2), colleague.pk: (Decimal(0), 0)}
    assert plans_set(month, plans, by=head) == 1
    assert plans_set(month, plans, by=head) == 0
    row = row_of(made(head), manager)
    # 1,000.10 × 1.5 % = 15.0015; rounded half up, and twice 100.50.
    assert (row.bonus, row.upsells.value) == (Decimal("216.00"), 2)
    assert (row.plan_amount, row.plan_share) == (Decimal(2000), pytest.approx(0.50005))
    assert [(item.plan_contracts, item.won.value) for item in made(head).months] == [(2, 2)]
    own = made(manager)
    assert [line.user for line in own.rows] == [manager.pk], "a manager sees no colleague"
    with pytest.raises(PermissionDenied):
        plans_set(month, {}, by=manager)


def test_plans_and_rules_are_kept_on_pages_and_by_the_api(head: Any, client: Client) -> None:
    manager = make_user()
    client.force_login(head)
    address = "/reports/managers/plans/?month=2026-03"
    sent = {f"amount_{manager.pk}": "1 500 000,50", f"contracts_{manager.pk}": "3"}
    assert client.post(address, sent).status_code == 302
    assert client.post(address, {f"amount_{manager.pk}": "много"}).status_code == 422
    assert client.get("/api/v1/sales-plans/?month=2026-03").json() == [
        {"month": "2026-03-01", "user": manager.pk, "amount": "1500000.50", "contracts": 3}
    ]
    body = {"month": "2026-03", "plans": [{"user": manager.pk}]}
    assert client.put("/api/v1/sales-plans/", body, content_type="application/json").json() == []
    assert not SalesPlan.objects.exists()
    rule = {"name": "Допродажи", "basis": "upsell_won", "percent": "2.50", "per_deal": "0.00"}
    answer = client.post("/api/v1/bonus-rules/", rule, content_type="application/json")
    assert answer.status_code == 201, answer.json()
    assert "Допродажи" in client.get("/settings/bonus/").content.decode()
    client.force_login(manager)
    assert client.get(address).status_code == 403
    assert client.get("/api/v1/sales-plans/?month=2026-03").status_code == 403
