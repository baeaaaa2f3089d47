"""The counts of the menu: what the once composed query answers is what the lists hold, for every role."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from crm import clock, scope
from crm.services import activity_create
from leads.services import lead_create
from partners.handoff import hand_over
from tests.factories import make_client, make_deal, make_partner, make_team, make_user
from web import counters

pytestmark = pytest.mark.django_db


def company() -> list[Any]:
    """Two of each role, each with records and late tasks of their own."""
    head = make_user(Role.SALES_HEAD)
    team = make_team(members_see_each_other=True)
    people = [head]
    for _number in range(2):
        roles = (Role.ADMINISTRATOR, Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER_CONTROL)
        people += [make_user(role) for role in roles]
        people.append(make_user(Role.SALES_MANAGER, team=team))
        people.append(make_user(Role.PARTNER, partner=make_partner()))
    for person in people:
        if person.role in {Role.SALES_MANAGER, Role.ADMINISTRATOR}:
            lead_create(by=person, data={"name": "Анна", "responsible": person}, phones="+79160000001")
            deal = make_deal(person, contact=make_client(person), responsible=person)
            activity_create(deal, title="Позвонить", due_at=clock.hours_ago(3), responsible=person, by=person)
        if person.role == Role.PARTNER:
            hand_over(record=make_deal(head, contact=make_client(head)), partner=person.partner, by=head)
    return people


@pytest.mark.rule("ACC-1")
def test_the_ready_query_counts_what_each_person_sees() -> None:
    for person in company():
        with scope.opened():
            usual = counters.count_all(person, counters.shell_querysets(person, clock.now()))
            assert counters.shell_counts(person) == counters.as_shown(usual), person.role


def test_the_counts_take_one_query() -> None:
    for person in company():
        with scope.opened():
            counters.shell_counts(person)
            with CaptureQueriesContext(connection) as seen:
                counters.shell_counts(person)
        assert len(seen) == 1, person.role
