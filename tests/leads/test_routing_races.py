"""Two leads at once: the turn of a team is taken under a lock, so they go to two people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Role
from crm.actors import Actor
from leads.models import Lead, RoutingRule
from leads.routing import lead_route
from leads.services import lead_create
from tests.factories import make_team, make_user
from tests.partners.test_races import both

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True), pytest.mark.rule("LEAD-8")]


@pytest.mark.parametrize("share", ["round_robin", "least_loaded"])
def test_leads_routed_at_once_go_to_different_people(share: str) -> None:
    make_user(Role.SALES_HEAD)
    team = make_team()
    people = [make_user(team=team) for _number in range(4)]
    data: dict[str, Any] = {"name": "Пётр", "channel": "form", "purpose": "warehouse", "address": "Тверь"}
    leads = [
        lead_create(
            by=Actor.form("Сайт"), data=data | {"area": Decimal(500 + number * 100)}, phones=f"8912000000{number}"
        )
        for number in range(4)
    ]
    RoutingRule.objects.create(name="Всем", target="team", team=team, share=share)
    robot = Actor.robot("Распределение")
    both(*(lambda lead=lead: lead_route(Lead.objects.get(pk=lead.pk), by=robot) for lead in leads))
    got = Lead.objects.filter(pk__in=[lead.pk for lead in leads]).values_list("responsible", "stage")
    assert sorted(got) == [(person.pk, "lead:handed_over") for person in people]
