"""The merge window of contacts, companies and leads over HTTP and by API: one window for all kinds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.clients import company_create, contact_create
from crm.contact_points import points_of
from crm.merging import MergeError, merge, undo_merge
from crm.models import Merge, NotDuplicate, RecordType, TimelineEntry, record_model
from leads.conversion import ConversionChoice, convert
from leads.services import lead_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
KINDS = ("contact", "company", "lead")


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def make(kind: str, by: Any, number: int, **data: Any) -> Any:
    """A record of a kind with a phone of its own and one that all share."""
    phones = f"+7912345670{number}, +79990001122"
    given: dict[str, Any] = {"responsible": by, **data}
    match kind:
        case "contact":
            return contact_create(by=by, data={"name": f"Ким Анна {number}", **given}, phones=phones)
        case "company":
            return company_create(by=by, data={"name": f"Завод {number}", **given}, phones=phones)
    return lead_create(by=by, data={"title": f"Запрос {number}", **given}, phones=phones)


def fresh(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


@pytest.mark.rule("LEAD-14")
@pytest.mark.parametrize("kind", KINDS)
def test_three_are_merged_by_choice_of_cells_and_the_merge_is_undone(client: Client, head: Any, kind: str) -> None:
    records = [make(kind, head, number) for number in range(3)]
    ids = [record.pk for record in records]
    folder = {"contact": "contacts", "company": "companies", "lead": "leads"}[kind]
    field = {"contact": "patronymic", "company": "name", "lead": "title"}[kind]
    client.force_login(head)
    assert f"/{folder}/merge/" in client.get(f"/{folder}/").content.decode()
    opened = client.post(f"/{folder}/merge/", {"ids": ids}, headers=HTMX)
    window = client.get(opened["HX-Redirect"]).content.decode()
    assert (window.count('name="main"'), window.count(f'name="field-{field}"')) == (3, 3)
    assert "+7 (912) 345-67-02, +7 (999) 000-11-22" in window
    data = {"ids": ids, "main": ids[1], f"field-{field}": ids[2]}
    assert client.post(f"/{folder}/merge/", data)["Location"] == records[1].get_absolute_url()
    main = fresh(records[1])
    assert getattr(main, field) == getattr(records[2], field)
    assert len(points_of(main)) == 4
    assert list(type(main).objects.alive()) == [main]
    assert client.get(records[0].get_absolute_url())["Location"] == main.get_absolute_url()
    done = Merge.objects.get()
    assert f"/{folder}/merge/{done.pk}/undo/" in client.get(main.get_absolute_url()).content.decode()
    client.post(f"/{folder}/merge/{done.pk}/undo/")
    assert type(main).objects.alive().count() == 3
    assert [len(points_of(record)) for record in records] == [2, 2, 2]


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize("kind", KINDS)
def test_only_heads_merge_and_only_what_there_is(client: Client, head: Any, kind: str) -> None:
    owner = make_user()
    first, second = make(kind, owner, 1), make(kind, owner, 2)
    folder = first.get_absolute_url().split("/")[1]
    data = {"ids": [first.pk, second.pk], "main": first.pk}
    for role in (Role.SALES_MANAGER, Role.PARTNER, Role.CALL_CENTER, Role.PARTNER_CONTROL):
        client.force_login(make_user(role))
        assert client.post(f"/{folder}/merge/", data).status_code == 403
    client.force_login(owner)
    assert client.post(f"/{folder}/merge/", data).status_code == 403
    client.force_login(head)
    assert client.post(f"/{folder}/merge/", {"ids": [first.pk, 10**9], "main": first.pk}).status_code == 404
    assert client.post(f"/{folder}/merge/", {"ids": [first.pk]}, headers=HTMX).status_code == 422


@pytest.mark.rule("LEAD-14")
@pytest.mark.parametrize("kind", KINDS)
def test_by_api_too(client: Client, head: Any, kind: str) -> None:
    main, other = make(kind, head, 1), make(kind, head, 2)
    client.force_login(head)
    api = f"/api/v1{main.get_absolute_url().rsplit('/', 2)[0]}/merge/"
    body = {"main": main.pk, "others": [other.pk]}
    shown = client.post(f"{api}?dry_run=1", body, content_type="application/json")
    assert (shown.status_code, shown.json()["id"]) == (200, None)
    done = client.post(api, body, content_type="application/json").json()
    assert fresh(other).merged_into == main
    assert client.post(f"/api/v1/merges/{done['id']}/undo/").status_code == 200
    assert fresh(other).merged_into is None


@pytest.mark.rule("LEAD-14")
def test_the_other_request_stays_readable(head: Any) -> None:
    main, other = (make("lead", head, number, request_text=f"Нужен склад {number}") for number in (1, 2))
    merge(record_type="lead", main_id=main.pk, other_ids=[other.pk], by=head)
    entry = TimelineEntry.objects.get(record_type="lead", record_id=main.pk, action="merged")
    assert entry.data["texts"] == ["Нужен склад 2"]


@pytest.mark.rule("LEAD-14")
def test_converted_and_partners_leads_are_not_merged(head: Any) -> None:
    owner = make_user(Role.PARTNER)
    first, second = make("lead", head, 1, name="Ким Анна"), make("lead", head, 2)
    convert(lead_id=first.pk, by=head, choice=ConversionChoice("contact_only"))
    with pytest.raises(MergeError):
        merge(record_type="lead", main_id=second.pk, other_ids=[first.pk], by=head)
    foreign = lead_create(by=owner, data={"title": "Партнёра"})
    with pytest.raises(MergeError):
        merge(record_type="lead", main_id=second.pk, other_ids=[foreign.pk], by=head)
    assert not Merge.objects.exists()


@pytest.mark.rule("LEAD-14")
def test_an_empty_field_can_be_left_empty(head: Any) -> None:
    main, other = make("company", head, 1), make("company", head, 2, site="zavod.ru")
    done = merge(record_type="company", main_id=main.pk, other_ids=[other.pk], choices={"site": main.pk}, by=head)
    assert fresh(main).site == ""
    undo_merge(merge_id=done.pk, by=head)
    merge(record_type="company", main_id=main.pk, other_ids=[other.pk], by=head)
    assert fresh(main).site == "zavod.ru"


@pytest.mark.rule("LEAD-14")
@pytest.mark.parametrize("kind", KINDS)
def test_not_a_duplicate_is_remembered_and_can_be_forgotten(client: Client, kind: str) -> None:
    owner, stranger = make_user(), make_user()
    first, second = make(kind, owner, 1), make(kind, owner, 2)
    client.force_login(owner)
    answer = client.post(f"{first.get_absolute_url()}not-duplicate/", {"other": second.pk}, headers=HTMX)
    assert NotDuplicate.objects.get().by == owner
    undo_url = json.loads(answer["HX-Trigger"])["toast"]["undo_url"]
    assert client.post(undo_url, headers=HTMX).status_code == 204
    assert not NotDuplicate.objects.exists()
    api = f"/api/v1{first.get_absolute_url().rsplit('/', 2)[0]}/not-duplicates/"
    body = {"ids": [second.pk, first.pk]}
    assert client.post(api, body, content_type="application/json").status_code == 204
    client.force_login(stranger)
    assert client.post(f"{api}undo/", body, content_type="application/json").status_code == 404
    assert client.post(f"{first.get_absolute_url()}not-duplicate/", {"other": second.pk}).status_code == 404
    client.force_login(owner)
    assert client.post(f"{api}undo/", body, content_type="application/json").status_code == 204
    assert not NotDuplicate.objects.exists()


def test_a_lead_and_a_contact_can_be_found_different(client: Client) -> None:
    owner = make_user()
    lead, contact = make("lead", owner, 1), make("contact", owner, 2)
    client.force_login(owner)
    data = {"other": contact.pk, "other_type": "contact"}
    assert client.post(f"{lead.get_absolute_url()}not-duplicate/", data).status_code == 302
    mark = NotDuplicate.objects.get()
    assert (mark.record_type, mark.low_id, mark.other_type, mark.high_id) == ("lead", lead.pk, "contact", contact.pk)
    assert client.post(f"{lead.get_absolute_url()}not-duplicate/", {**data, "other_type": "x"}).status_code == 404
    assert record_model(RecordType.LEAD)._default_manager.alive().count() == 1


def test_the_window_speaks_of_advertising_and_of_the_main_record(head: Any, client: Client) -> None:
    first, second = (make("lead", head, number, utm_source=source) for number, source in ((1, "yandex"), (2, "vk")))
    client.force_login(head)
    page = client.get(f"/leads/merge/?ids={first.pk},{second.pk}").content.decode()
    assert "Реклама: источник (utm_source)" in page
    assert "Utm_source" not in page
    assert "Основная запись" in page
