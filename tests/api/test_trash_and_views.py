"""The trash, named views of lists, and contacts that follow their company, in the API."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from crm import trash
from crm.models import Contact, SavedView
from deals.models import Deal
from tests.factories import make_client, make_company, make_deal, make_team, make_user

pytestmark = pytest.mark.django_db


# -- the trash --------------------------------------------------------------------------------------------------------


def test_what_was_deleted_is_listed_and_brought_back_by_those_who_may_change_it(caller: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger = caller(make_user(team=team)), caller(make_user(team=team)), caller(make_user())
    deal = trash.record_trash(make_deal(owner.user, title="Ангар"), by=owner.user)
    (row,) = owner.get("trash/?kind=deal&count=exact").json()["results"]
    assert (row["id"], row["title"], bool(row["deleted_at"])) == (deal.pk, "Ангар", True)
    assert owner.ids("trash/?kind=lead") == []
    address = f"trash/deal/{deal.pk}/restore/"
    for other in (mate, stranger):
        assert other.ids("trash/?kind=deal") == []
        assert other.post(address).status_code == 404
    for role in (Role.PARTNER, Role.CALL_CENTER, Role.PARTNER_CONTROL):
        outsider = caller(make_user(role))
        assert outsider.get("trash/?kind=deal").status_code == outsider.post(address).status_code == 403
    assert caller(owner.user, "read").post(address).status_code == 403
    assert owner.post(address).json()["deleted_at"] is None
    assert Deal.objects.get(pk=deal.pk).deleted_at is None
    assert owner.post(address).status_code == 404
    for wrong in ("", "?kind=moon", "?kind=deal&colour=red"):
        assert owner.get(f"trash/{wrong}").status_code == 400, wrong
    assert owner.post("trash/moon/1/restore/").status_code == 404


@pytest.mark.usefixtures("clock")
def test_what_is_in_the_trash_too_long_is_not_offered(caller: Any, clock: Any) -> None:
    head = caller(make_user(Role.SALES_HEAD))
    deal = trash.record_trash(make_deal(head.user), by=head.user)
    assert head.ids("trash/?kind=deal") == [deal.pk]
    clock.travel(days=trash.DAYS + 1)
    assert head.ids("trash/?kind=deal") == []
    assert head.post(f"trash/deal/{deal.pk}/restore/").status_code == 404


# -- views ------------------------------------------------------------------------------------------------------------

BODY = {"record_type": "deal", "name": "Мои крупные", "query": "area_from=500&page=3", "columns": ["title", "amount"]}


def names(program: Any, tail: str = "") -> list[str]:
    """The names of the views that the caller sees."""
    return [row["name"] for row in program.get(f"views/{tail}").json()]


def test_a_view_is_kept_changed_opened_first_and_forgotten(caller: Any) -> None:
    owner = caller(make_user())
    made = owner.post("views/", BODY)
    assert made.status_code == 201, made.content
    view = made.json()
    assert (view["query"], view["columns"], view["is_first"]) == ("area_from=500", ["title", "amount"], False)
    assert owner.get(f"deals/?{view['query']}").status_code == 200
    address = f"views/{view['id']}/"
    assert owner.patch(address, {"name": "Крупные"}).json()["query"] == "area_from=500"
    assert owner.patch(address, {"query": "area_from=900"}).json()["name"] == "Крупные"
    assert owner.post(f"{address}first/").json()["is_first"] is True
    assert owner.post(f"{address}first/", {"on": False}).json()["is_first"] is False
    assert names(owner, "?record_type=deal") == names(owner) == ["Крупные"]
    assert names(owner, "?record_type=lead") == []
    gone = owner.call("delete", address)
    assert (gone.status_code, names(owner)) == (204, [])
    assert owner.post(gone["Undo-Location"]).status_code == 200
    assert names(owner) == ["Крупные"]
    for wrong in (
        {"name": ""}, {"record_type": "moon"}, {"columns": ["moon"]}, {"is_shared": True}, {"default_for": "x"},
        {"owner": 1},
    ):  # fmt: skip
        assert owner.post("views/", {**BODY, **wrong}).status_code == 400, wrong


@pytest.mark.rule("ACC-1")
def test_shared_views_are_seen_by_ones_own_side_and_kept_by_heads(caller: Any) -> None:
    head, manager = caller(make_user(Role.SALES_HEAD)), caller(make_user())
    theirs = caller(make_user(Role.PARTNER))
    shared = head.post("views/", {**BODY, "is_shared": True}).json()
    own = manager.post("views/", {**BODY, "name": "Свои"}).json()
    assert names(manager) == ["Мои крупные", "Свои"]
    assert names(head) == ["Мои крупные"]
    assert names(theirs) == []
    for program, pk, code in ((manager, shared["id"], 403), (head, own["id"], 404), (theirs, shared["id"], 404)):
        assert program.patch(f"views/{pk}/", {"name": "x"}).status_code == code
        assert program.call("delete", f"views/{pk}/").status_code == code
    assert theirs.post(f"views/{shared['id']}/first/").status_code == 404
    assert manager.patch(f"views/{own['id']}/", {"is_shared": True}).status_code == 400
    assert manager.patch(f"views/{own['id']}/", {"default_for": "sales_manager"}).status_code == 400
    assert head.patch(f"views/{shared['id']}/", {"default_for": "sales_manager"}).status_code == 200
    rows = {row["id"]: row["is_first"] for row in manager.get("views/").json()}
    assert rows == {shared["id"]: True, own["id"]: False}
    assert manager.post(f"views/{shared['id']}/first/", {"on": False}).json()["is_first"] is False
    assert SavedView.objects.count() == 2


# -- contacts follow their company ------------------------------------------------------------------------------------


def test_a_contact_is_given_to_the_person_of_its_company(caller: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger = caller(make_user(team=team)), caller(make_user(team=team)), caller(make_user())
    theirs, heir = caller(make_user(Role.PARTNER)), make_user()
    contact = make_client(owner.user, company=make_company(heir))
    Contact.objects.filter(pk=contact.pk).update(responsible=owner.user)
    address = f"contacts/{contact.pk}/follow-company/"
    assert stranger.post(address).status_code == theirs.post(address).status_code == 404
    assert mate.post(address).status_code == 403
    done = owner.post(address)
    assert (done.status_code, Contact.objects.get(pk=contact.pk).responsible) == (200, heir)
    assert owner.post(done["Undo-Location"]).status_code == 200
    assert Contact.objects.get(pk=contact.pk).responsible == owner.user
    alone = make_client(owner.user, last_name="Пак")
    refused = owner.post(f"contacts/{alone.pk}/follow-company/")
    assert (refused.status_code, refused.json()["code"]) == (422, "refused")
