"""Whose records the API shows and changes, by role; the catalogue and the caller's own account."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from crm import clients, services
from crm.models import TimelineEntry
from deals.models import Deal
from deals.services import deal_create
from leads.services import lead_create
from objects_registry.services import object_create
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db


def pointers(answer: Any) -> set[str]:
    return {row["pointer"] for row in answer.json()["errors"]}


# -- who sees what ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("ACC-1")
def test_owner_teammate_and_stranger(caller: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger = caller(make_user(team=team)), caller(make_user(team=team)), caller(make_user())
    deal = deal_create(by=owner.user, data={"title": "Склад Ким"})
    address = f"deals/{deal.pk}/"
    assert owner.ids("deals/") == mate.ids("deals/?search=ким") == [deal.pk]
    assert stranger.ids("deals/") == stranger.ids("deals/?search=ким") == []
    assert stranger.get("deals/?count=exact").json()["count"] == 0
    assert mate.get(address).status_code == 200
    assert stranger.get(address).status_code == 404
    calls = [
        ("patch", "", {"amount": 5}),
        ("post", "move/", {"to": "proposal_sent"}),
        ("post", "assign/", {"responsible": owner.user.pk}),
        ("post", "notes/", {"text": "x"}),
        ("post", "tasks/", {"title": "x", "due_at": "2026-12-01T09:00:00Z"}),
        ("put", "lines/", {"lines": [{"name": "Ферма", "price": 10}]}),
    ]
    for method, tail, body in calls:
        assert stranger.call(method, address + tail, body).status_code == 404, tail
        assert mate.call(method, address + tail, body).status_code == 403, tail
        assert owner.call(method, address + tail, body).status_code in {200, 201}, tail


MAKERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "leads": (lead_create, {"name": "Ким", "city": "Тверь"}),
    "deals": (deal_create, {"title": "Склад", "city": "Тверь"}),
    "contacts": (clients.contact_create, {"last_name": "Ким", "city": "Тверь"}),
    "companies": (clients.company_create, {"name": "ООО «Ким»", "city": "Тверь"}),
    "objects": (object_create, {"name": "Склад", "city": "Тверь"}),
}


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize("word", MAKERS)
def test_every_kind_of_record_is_shown_and_changed_by_role(caller: Any, word: str) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate = caller(make_user(team=team)), caller(make_user(team=team))
    make, data = MAKERS[word]
    more = {"stage": "handed_over"} if word == "leads" else {}  # before that the call centre sees it
    pk = make(by=owner.user, data={**data, "responsible": owner.user}, **more).pk
    roles = (Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL)
    strangers = [caller(make_user(role)) for role in roles]
    steering = [caller(make_user(role)) for role in (Role.SALES_HEAD, Role.ADMINISTRATOR)]
    for program, sees, changes in [(owner, 200, 200), (mate, 200, 403), *((p, 404, 404) for p in strangers),
                                   *((p, 200, 200) for p in steering)]:  # fmt: skip
        who = program.user.role
        assert program.ids(f"{word}/?search=5") == []
        assert program.ids(f"{word}/") == ([pk] if sees == 200 else []), who
        assert program.get(f"{word}/{pk}/").status_code == sees, who
        assert program.get(f"{word}/{pk}/timeline/").status_code == sees, who
        assert program.patch(f"{word}/{pk}/", {"city": f"Пермь {who}"}).status_code == changes, who
        assert program.post(f"{word}/{pk}/notes/", {"text": "x"}).status_code == {200: 201}.get(changes, changes), who


@pytest.mark.rule("ACC-1")
def test_a_row_out_of_sight_cannot_be_named_in_a_link(caller: Any) -> None:
    program, stranger = caller(make_user()), make_user()
    contact = clients.contact_create(by=stranger, data={"last_name": "Ким", "responsible": stranger})
    answer = program.post("deals/", {"title": "Склад", "contact": contact.pk})
    assert (answer.status_code, pointers(answer)) == (400, {"/contact"})
    assert not Deal.objects.exists()


@pytest.mark.rule("ACC-1")
def test_a_partner_sees_its_own_records_without_the_manufacturers_internals(caller: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    theirs, foreign = caller(make_user(Role.PARTNER)), caller(make_user(Role.PARTNER))
    company = clients.company_create(by=head, data={"name": "ООО «Ким»", "comment": "Торгуется до упора"})
    made = theirs.post("deals/", {"title": "Склад"})
    assert made.status_code == 201, made.content
    deal = Deal.objects.get(pk=made.json()["id"])
    assert (deal.partner, deal.pipeline_id) == (theirs.user.partner, "partner_deal")
    assert "created_by" not in made.json()
    assert "origin" not in made.json()
    services.record_update(deal, data={"company": company}, by=head)
    services.note_add(deal, text="Наша цена ниже", by=head, internal=True)
    services.note_add(deal, text="Клиент ждёт", by=head)
    shown = theirs.get(f"companies/{company.pk}/")
    assert shown.status_code == 200
    assert "Торгуется" not in shown.content.decode()
    lines = theirs.get(f"deals/{deal.pk}/timeline/").content.decode()
    assert "Клиент ждёт" in lines
    assert "Наша цена" not in lines
    assert theirs.post(f"deals/{deal.pk}/notes/", {"text": "x", "internal": True}).json()["is_internal"] is False
    assert foreign.ids("deals/") == foreign.ids("companies/") == []
    assert foreign.get(f"deals/{deal.pk}/").status_code == 404
    assert theirs.post("deals/", {"title": "Склад", "pipeline": "deal"}).status_code == 400
    assert theirs.post("contacts/", {"last_name": "Пак"}).status_code == 403
    assert theirs.patch(f"companies/{company.pk}/", {"name": "Чужое"}).status_code == 403


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.PARTNER_CONTROL, "leads/", 403),
        (Role.PARTNER_CONTROL, "deals/", 403),
        (Role.CALL_CENTER, "leads/", 201),
        (Role.CALL_CENTER, "deals/", 403),
        (Role.CALL_CENTER, "objects/", 403),
        (Role.PARTNER, "objects/", 403),
        (Role.PARTNER, "companies/", 403),
        (Role.ADMINISTRATOR, "objects/", 201),
    ],
)
def test_each_role_makes_only_its_kinds_of_record(caller: Any, role: Role, path: str, status: int) -> None:
    body = {"deals/": {"title": "Склад"}, "companies/": {"name": "ООО"}}.get(path, {"name": "Ким"})
    assert caller(make_user(role)).post(path, body).status_code == status


# -- the catalogue ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("PIPE-1")
def test_stages_are_read_by_all_and_kept_by_administrators(caller: Any) -> None:
    admin, manager = caller(make_user(Role.ADMINISTRATOR)), caller(make_user())
    rows = {row["code"]: row for row in manager.get("pipelines/").json()}
    assert [stage["code"] for stage in rows["lead"]["stages"]][:2] == ["new", "needs_data"]
    assert "partner_deal" not in rows
    assert manager.get("stages/partner_deal:received/").status_code == 404
    change = {"name_ru": "Расчёт цены", "norm_hours": 48, "required": ["client"]}
    assert manager.patch("stages/deal:costing/", change).status_code == 403
    changed = admin.patch("stages/deal:costing/", change)
    assert changed.status_code == 200, changed.content
    assert (changed.json()["name"], changed.json()["required"]) == ("Расчёт цены", ["client"])
    for wrong in ({"required": ["moon"]}, {"kind": "success"}, {"code": "x"}, {"colour": "mud"}, {"name_ru": ""}):
        assert admin.patch("stages/deal:costing/", wrong).status_code == 400, wrong
    assert admin.patch("stages/deal:request_received/", {"is_hidden": True}).status_code == 400


def test_people_change_their_own_account_by_api(caller: Any) -> None:
    program = caller(make_user())
    answer = program.patch("me/", {"phone": "8 (912) 000-00-00", "language": "en"})
    assert (answer.json()["phone"], answer.json()["language"]) == ("+79120000000", "en")
    for wrong in (
        {"role": "administrator"},
        {"time_zone": "Mars"},
        {"language": "fr"},
        {"email": "a@b.ru"},
        {"phone": "позже"},
    ):
        assert program.patch("me/", wrong).status_code == 400, wrong


def test_the_timeline_says_who_came_by_token(caller: Any) -> None:
    program = caller(make_user())
    pk = program.post("leads/", {"name": "Ким"}).json()["id"]
    entry = TimelineEntry.objects.filter(record_type="lead", record_id=pk, action="created").get()
    assert entry.actor_kind == "token"
