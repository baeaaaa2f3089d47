"""Global search, «my day» and the bell in the API: each shows its caller what the pages show them, and no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Role
from crm import clock as time
from crm import services
from crm.models import Notification
from leads.services import lead_create
from partners.handoff import hand_over
from tests.factories import make_client, make_deal, make_team, make_user

pytestmark = pytest.mark.django_db


def found(program: Any, text: str) -> dict[str, list[int]]:
    """The ids by kind that a search finds."""
    answer = program.get(f"search/?q={text}")
    assert answer.status_code == 200, answer.content
    return {group["record_type"]: [row["id"] for row in group["items"]] for group in answer.json()["groups"]}


@pytest.mark.rule("ACC-1")
def test_search_finds_what_the_caller_may_see(caller: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger = caller(make_user(team=team)), caller(make_user(team=team)), caller(make_user())
    theirs = caller(make_user(Role.PARTNER))
    contact = make_client(owner.user, last_name="Хабибуллин")
    deal = make_deal(owner.user, title="Ангар Хабибуллина", contact=contact)
    expected = {"contact": [contact.pk], "deal": [deal.pk]}
    assert found(owner, "хабибул") == found(mate, "Хабибул") == found(owner, "[f,b,ek") == expected
    assert found(stranger, "хабибул") == found(theirs, "хабибул") == {}
    twin = hand_over(record=deal, partner=theirs.user.partner, by=owner.user).twin_id
    assert found(theirs, "хабибул")["deal"] == [twin]
    row = owner.get(f"search/?q={deal.pk}").json()["groups"]
    assert deal.pk in [item["id"] for group in row for item in group["items"]]


def test_a_search_says_when_there_is_more_and_names_wrong_calls(caller: Any) -> None:
    owner = caller(make_user())
    for _number in range(3):
        make_deal(owner.user, title="Ангар")
    (group,) = owner.get("search/?q=ангар&limit=2").json()["groups"]
    assert (group["has_more"], len(group["items"])) == (True, 2)
    assert owner.get("search/?q=ангар").json()["groups"][0]["has_more"] is False
    for wrong in ("", "?q=", "?q=x&limit=0", "?q=x&limit=51", "?q=x&colour=red"):
        assert owner.get(f"search/{wrong}").status_code == 400, wrong
    assert caller(owner.user, "reports").get("search/?q=x").status_code == 403


@pytest.mark.rule("LEAD-5")
def test_the_call_centre_learns_of_a_client_only_the_name(caller: Any) -> None:
    make_client(make_user(last_name="Орлов"), last_name="Хабибуллин", phone="+79125550101")
    operator = caller(make_user(Role.CALL_CENTER)).get("search/?q=5550101").json()
    assert operator["groups"] == []
    (known,) = operator["callers"]
    assert ("Хабибуллин" in known["name"], known["phone_tail"]) == (True, "0101")


@pytest.mark.rule("ACT-1")
def test_each_counter_of_my_day_is_the_list_that_it_names(caller: Any, clock: Any) -> None:
    owner, head = caller(make_user()), caller(make_user(Role.SALES_HEAD))
    deal = make_deal(owner.user)
    late = services.activity_create(
        deal, title="Позвонить", due_at=time.now() - timedelta(hours=1), responsible=owner.user, by=owner.user
    )
    make_deal(owner.user, title="Без шага")
    lead_create(by=owner.user, data={"name": "Ким", "responsible": owner.user}, phones="+79120001122")
    sections = {row["code"]: row for row in owner.get("my-day/").json()}
    assert [row["id"] for row in sections["overdue"]["tasks"]] == [late.pk]
    assert [row["title"] for row in sections["idle_deals"]["records"]] == ["Без шага"]
    for row in sections.values():
        joint = "&" if "?" in row["list"] else "?"
        answer = owner.get(f"{row['list']}{joint}count=exact")
        assert answer.status_code == 200, (row["code"], answer.content)
        assert answer.json()["count"] == row["count"], row["code"]
    mine, all_of_it = head.get("my-day/").json(), head.get("my-day/?of=all").json()
    assert {row["code"]: row["count"] for row in mine}["overdue"] == 0
    assert {row["code"]: row["count"] for row in all_of_it}["overdue"] == 1
    assert owner.get("my-day/?of=all").status_code == 403
    assert owner.get("my-day/?of=them").status_code == 400


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.PARTNER, Role.PARTNER_CONTROL])
def test_a_stranger_has_a_day_without_others_work(caller: Any, clock: Any, role: str) -> None:
    owner = make_user()
    deal = make_deal(owner)
    due = time.now() - timedelta(hours=1)
    services.activity_create(deal, title="Позвонить", due_at=due, responsible=owner, by=owner)
    assert not any(row["count"] for row in caller(make_user(role)).get("my-day/").json())


def test_the_bell_is_read_by_its_owner_alone(caller: Any) -> None:
    head, owner, stranger = make_user(Role.SALES_HEAD), caller(make_user()), caller(make_user())
    deal = make_deal(head)
    services.record_assign(deal, responsible=owner.user, by=head)
    (line,) = owner.get("notifications/").json()["results"]
    assert (line["record_type"], line["record_id"], line["is_read"]) == ("deal", deal.pk, False)
    assert line["text"]
    assert stranger.get("notifications/").json()["results"] == []
    assert stranger.post(f"notifications/{line['id']}/read/").status_code == 404
    assert stranger.post("notifications/read/").status_code == 204
    assert Notification.objects.get().read_at is None
    assert owner.post(f"notifications/{line['id']}/read/").status_code == 204
    assert owner.get("notifications/").json()["results"][0]["is_read"] is True
    services.record_assign(deal, responsible=head, by=head)
    (line,) = owner.get("notifications/").json()["results"]
    assert (line["record_id"], line["text"]) == (None, "")
    services.record_assign(make_deal(head), responsible=owner.user, by=head)
    assert owner.post("notifications/read/").status_code == 204
    assert not Notification.objects.filter(user=owner.user, read_at__isnull=True).exists()
