"""The audit trail by a token: who changed what, for administrators alone, and never changed itself."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from crm.models import Change
from deals.services import deal_update
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-5")]


def test_it_says_who_changed_what_by_hand_and_by_token(caller: Any) -> None:
    admin, owner = caller(make_user(Role.ADMINISTRATOR)), caller(make_user())
    deal, other = make_deal(owner.user, amount=100), make_deal(owner.user)
    deal_update(deal, by=owner.user, data={"amount": 120})
    owner.patch(f"deals/{deal.pk}/", {"amount": "140.00"})
    owner.patch(f"deals/{other.pk}/", {"amount": "7.00"})
    rows = admin.get(f"audit/?record_type=deal&record_id={deal.pk}&field=amount").json()["results"]
    told = [(row["actor_kind"], row["actor_user"], row["old_text"], row["new_text"]) for row in rows[:2]]
    assert told == [("token", owner.user.pk, "120", "140"), ("user", owner.user.pk, "100", "120")]
    assert rows[0]["label"] == "Сумма"
    assert rows[0]["actor_name"].endswith("Сайт")
    assert admin.ids(f"audit/?actor_user={owner.user.pk}&actor_kind=token") == list(
        Change.objects.filter(actor_kind="token").order_by("-id").values_list("pk", flat=True)
    )
    day = rows[0]["at"][:10]
    assert rows[0]["id"] in admin.ids(f"audit/?at_from={day}&at_to={day}")
    assert admin.ids("audit/?at_to=2000-01-01") == []


def test_it_is_fetched_page_by_page_and_from_the_last_line_known(caller: Any) -> None:
    admin = caller(make_user(Role.ADMINISTRATOR))
    for number in range(3):
        admin.post("teams/", {"name": f"Команда {number}"})
    page = admin.get("audit/?limit=2").json()
    assert page["has_more"]
    rest = admin.get(page["next"].removeprefix("http://testserver")).json()
    seen = [row["id"] for row in page["results"] + rest["results"]]
    assert seen == sorted(Change.objects.values_list("pk", flat=True), reverse=True)
    assert page["results"][0]["of"] == "Команда 2"
    admin.patch(f"people/{admin.user.pk}/", {"position": "Главный"})
    assert len(admin.ids(f"audit/?ordering=id&after={seen[0]}")) == 1


@pytest.mark.rule("ACC-1")
def test_nobody_but_heads_and_administrators_reads_it_and_nobody_writes_it(caller: Any) -> None:
    make_deal(make_user())
    for role in set(Role.values) - {Role.ADMINISTRATOR, Role.SALES_HEAD}:
        assert caller(make_user(role)).get("audit/").status_code == 403, role
    admin = caller(make_user(Role.ADMINISTRATOR))
    for method in ("post", "patch", "delete", "put"):
        assert admin.call(method, "audit/", {}).status_code == 405, method
    for query in ("colour=red", "record_id=x", "record_id=99999999999999999999", "at_from=tomorrow", "actor_kind=cat"):
        assert admin.get(f"audit/?{query}").status_code == 400, query


def test_a_page_costs_the_same_whatever_is_on_it(caller: Any, django_assert_max_num_queries: Any) -> None:
    admin, owner = caller(make_user(Role.ADMINISTRATOR)), caller(make_user())
    for number in range(6):
        deal = make_deal(owner.user, amount=number + 1)
        owner.post(f"deals/{deal.pk}/assign/", {"responsible": admin.user.pk})
    with django_assert_max_num_queries(16):
        assert len(admin.ids("audit/?limit=100")) == 6
