"""How many queries the lists and pages of the office take at most, whatever the number of rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.services import activity_create
from partners.handoff import hand_over
from tests.factories import make_client, make_deal, make_partner, make_user

pytestmark = pytest.mark.django_db

# What a page may take: its own rows, the shell (session, person, settings, stages, counters) and nothing per row.
LIMITS = {
    "/tasks/": 12,
    "/notifications/": 10,
    "/settings/people/": 9,
    "/settings/audit/": 14,
    "/settings/rules/": 9,
    "/robots/planned/": 15,
    "/settings/submissions/": 9,
    "/settings/pipelines/deal/": 10,
    "/settings/pipelines/deal/required/": 10,
    "/settings/pipelines/deal/reasons/": 10,
    "/settings/pipelines/deal/graph/": 13,
    "/partners/": 9,
    "/partners/control/": 14,
    "/partners/to-hand-over/": 10,
    "/contacts/board/": 15,
    "/objects/board/": 15,
    "/objects/places/": 10,
    "/reports/dashboard/": 60,
    "/reports/digest/": 60,
    "/reports/funnel/": 15,
    "/reports/funnel/?mode=snapshot": 10,
    "/reports/refusals/": 15,
    "/reports/partners/": 17,
}


@pytest.fixture
def admin(clock: Any) -> Any:
    """An administrator in a company with a dozen of everything."""
    person = make_user(Role.ADMINISTRATOR, language="en")
    for number in range(12):
        deal = make_deal(person, contact=make_client(person), responsible=person)
        activity_create(deal, title=f"Дело {number}", due_at=clock.now(), responsible=person, by=person)
        dealer = make_user(Role.PARTNER, partner=make_partner())
        if number % 3 == 0:
            hand_over(record=deal, partner=dealer.partner, by=person)
    return person


def test_no_page_asks_more_than_its_limit(client: Client, admin: Any, django_assert_max_num_queries: Any) -> None:
    client.force_login(admin)
    for path, limit in LIMITS.items():
        client.get(path)
        with django_assert_max_num_queries(limit, info=path):
            assert client.get(path).status_code == 200


def test_the_cabinet_asks_no_more_than_twelve_times(
    client: Client, admin: Any, django_assert_max_num_queries: Any
) -> None:
    dealer = make_user(Role.PARTNER, partner=make_partner(), language="en")
    for _number in range(8):
        hand_over(record=make_deal(admin, contact=make_client(admin)), partner=dealer.partner, by=admin)
    client.force_login(dealer)
    client.get("/cabinet/new/")
    with django_assert_max_num_queries(12):
        assert client.get("/cabinet/new/").content.decode().count("request-main") == 8
