"""The trash: who sees what in it, for how long, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm import trash
from crm.errors import DomainError
from tests.factories import make_deal, make_team, make_user

pytestmark = pytest.mark.django_db


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.rule("ACC-1")
def test_one_sees_and_brings_back_only_what_one_may_change() -> None:
    team = make_team(members_see_each_other=True)
    owner, teammate, stranger, head = (
        make_user(team=team),
        make_user(team=team),
        make_user(),
        make_user(Role.SALES_HEAD),
    )
    deal = make_deal(owner, title="Удалённая", responsible=owner)
    trash.record_trash(deal, by=owner)
    assert "Удалённая" not in signed_in(owner).get("/deals/").content.decode()
    for person, seen in ((owner, True), (head, True), (teammate, False), (stranger, False)):
        assert ("Удалённая" in signed_in(person).get("/trash/?kind=deal").content.decode()) is seen
    for person in (teammate, stranger):
        assert signed_in(person).post(f"/trash/deal/{deal.pk}/restore/").status_code == 404
    signed_in(owner).post(f"/trash/deal/{deal.pk}/restore/")
    assert "Удалённая" in signed_in(owner).get("/deals/").content.decode()
    assert signed_in(owner).post(f"/trash/deal/{deal.pk}/restore/").status_code == 404
    assert signed_in(make_user(Role.PARTNER)).get("/trash/").status_code == 403


def test_the_trash_says_who_deleted_and_forgets_after_thirty_days(
    clock: Any, django_assert_max_num_queries: Any
) -> None:
    owner, head = make_user(last_name="Владельцев"), make_user(Role.SALES_HEAD, last_name="Главный")
    for _number in range(5):
        trash.record_trash(make_deal(owner, title="Удалённая"), by=head)
    client = signed_in(owner)
    client.get("/trash/?kind=deal")
    with django_assert_max_num_queries(12):
        page = client.get("/trash/?kind=deal").content.decode()
    assert page.count("Главный") == 5
    clock.travel(days=31)
    client.force_login(owner)
    assert "Удалённая" not in client.get("/trash/?kind=deal").content.decode()


def test_roles_that_delete_nothing_are_refused_by_the_service() -> None:
    dealer = make_user(Role.PARTNER)
    deal = make_deal(dealer, responsible=dealer)
    with pytest.raises(DomainError):
        trash.record_trash(deal, by=dealer)
