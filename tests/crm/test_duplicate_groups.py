"""The search over a whole registry, the page of groups, and what happens when a worker dies in the middle."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm import duplicate_scan
from crm.clients import company_create, contact_create
from crm.duplicate_groups import groups_of, with_records
from crm.duplicate_scan import scan_all, scan_due, scan_run, scan_start
from crm.merging import merge
from crm.models import DuplicateGroup, DuplicateHit, DuplicateScan, NotDuplicate
from crm.not_duplicates import mark_not_duplicate, unmark_not_duplicate
from crm.services import record_delete
from leads.services import lead_create
from objects_registry.services import object_create
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-14")]


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def contact(by: Any, name: str, phones: str = "", **data: Any) -> Any:
    return contact_create(by=by, data={"name": name, "responsible": by, **data}, phones=phones)


def search(kind: str, by: Any) -> list[tuple[set[int], bool]]:
    """Run a search; the groups by their members, the sure ones first."""
    assert scan_run(scan_start(record_type=kind, by=by).pk)
    return shown(kind, by)


def shown(kind: str, by: Any) -> list[tuple[set[int], bool]]:
    rows = with_records(groups_of(kind, by), kind, by)
    return [({record.pk for record in row["records"]}, row["group"].is_sure) for row in rows]


def test_contacts_are_joined_by_phones_and_called_alike_by_name(head: Any) -> None:
    first = contact(head, "Кузнецов Пётр", "89123456789")
    second = contact(head, "Сидоров Олег", "89123456789, 89990001122")
    third = contact(head, "Ли Вей", "89990001122")
    alike = [contact(head, name) for name in ("Семёнова Александра", "Саша Семенова")]
    contact(head, "Иванов Иван", "89991112233")
    assert search("contact", head) == [
        ({first.pk, second.pk, third.pk}, True),
        ({record.pk for record in alike}, False),
    ]
    row = with_records(groups_of("contact", head), "contact", head)[0]
    assert min(row["reasons"]).endswith("+7 (912) 345-67-89")


def test_companies_by_inn_and_by_name_without_the_legal_form(head: Any) -> None:
    make = lambda name, inn="": company_create(by=head, data={"name": name, "inn": inn})  # noqa: E731
    one, two = make("Стройка", "7707083893"), make("Совсем другая", "7707083893")
    three, four = make("ООО «Ромашка»"), make("Ромашка, ЗАО")
    assert search("company", head) == [({one.pk, two.pk}, True), ({three.pk, four.pk}, False)]


def test_open_leads_alone_take_part(head: Any) -> None:
    one, two, gone = (lead_create(by=head, data={"title": "Л"}, phones="89123456789") for _number in range(3))
    record_delete(gone, by=head)
    assert search("lead", head) == [({one.pk, two.pk}, True)]


@pytest.mark.rule("OBJ-6")
def test_objects_by_place_and_size(head: Any) -> None:
    barn: dict[str, Any] = {"purpose": "warehouse", "width": Decimal(24), "length": Decimal(60), "height": Decimal(8)}
    make = lambda **data: object_create(by=head, data={**barn, **data})  # noqa: E731
    one, two = make(address="г. Тверь, Лесная 1"), make(address="Лесная 1, Тверь", width=Decimal("24.1"))
    make(address="Казань, Мира 5", width=Decimal(12), length=Decimal(12))
    assert search("object", head) == [({one.pk, two.pk}, True)]


def test_what_was_found_different_leaves_its_group_and_comes_back(head: Any) -> None:
    one, two, three = (contact(head, name, "89123456789") for name in ("Ким Анна", "Ли Вей", "Цой Ян"))
    search("contact", head)
    rows = mark_not_duplicate(record_type="contact", ids=[one.pk, two.pk, three.pk], by=head)
    assert shown("contact", head) == []
    unmark_not_duplicate(ids=[rows[0].pk], by=head)
    assert len(shown("contact", head)) == 1
    mark_not_duplicate(record_type="contact", ids=[one.pk, two.pk], by=head)
    assert search("contact", head) == []


def test_merged_and_deleted_records_leave_their_groups(head: Any) -> None:
    one, two, three = (contact(head, name, "89123456789") for name in ("Ким Анна", "Ли Вей", "Цой Ян"))
    search("contact", head)
    merge(record_type="contact", main_id=one.pk, other_ids=[two.pk], by=head)
    assert shown("contact", head) == [({one.pk, three.pk}, True)]
    record_delete(three, by=head)
    assert shown("contact", head) == []


# -- workers ----------------------------------------------------------------------------------------------------------


def test_a_killed_search_goes_on_where_it_was(head: Any, monkeypatch: Any, clock: Any) -> None:
    for number in range(6):
        for _twice in range(2):
            contact(head, "Ким Анна", f"8912345678{number}")
    monkeypatch.setattr(duplicate_scan, "BATCH", 2)
    scan = scan_start(record_type="contact", by=head)
    calls = []
    advance = duplicate_scan._advance

    def dies(scan_id: int, holder: str) -> bool:
        calls.append(holder)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return advance(scan_id, holder)

    monkeypatch.setattr(duplicate_scan, "_advance", dies)
    with pytest.raises(KeyboardInterrupt):
        scan_run(scan.pk)
    scan.refresh_from_db()
    assert (scan.state, scan.cursor) == ("running", ["phone", "+79123456783"])
    assert scan_due() == 0
    clock.travel(minutes=3)
    assert scan_due() == 1
    assert (DuplicateGroup.objects.filter(is_sure=True).count(), DuplicateHit.objects.count()) == (6, 0)


def test_a_worker_that_lost_its_search_writes_nothing_more(head: Any, clock: Any) -> None:
    scan = scan_start(record_type="contact", by=head)
    DuplicateScan.objects.filter(pk=scan.pk).update(state="running", holder="another", beat_at=clock.now())
    assert not scan_run(scan.pk)
    assert duplicate_scan._advance(scan.pk, "mine") is False
    assert DuplicateScan.objects.get().step == 0


def test_a_search_that_fails_is_tried_again_and_then_told(head: Any, monkeypatch: Any) -> None:
    scan = scan_start(record_type="contact", by=head)

    def broken(cursor: Any) -> Any:
        raise ValueError("сломано")

    monkeypatch.setitem(duplicate_scan.STEPS, "contact", [broken])
    for _try in range(duplicate_scan.MAX_ATTEMPTS):
        assert scan_due() == 0
    scan.refresh_from_db()
    assert (scan.state, "сломано" in scan.error) == ("failed", True)


def test_one_search_of_a_kind_at_once_and_the_new_one_replaces_the_old(head: Any) -> None:
    contact(head, "Ким Анна", "89123456789")
    contact(head, "Ли Вей", "89123456789")
    first = scan_start(record_type="contact", by=head)
    assert scan_start(record_type="contact", by=head) == first
    search("contact", head)
    search("contact", head)
    assert (DuplicateScan.objects.count(), DuplicateGroup.objects.count()) == (1, 1)
    assert scan_all() == 4


# -- pages and API ----------------------------------------------------------------------------------------------------


def test_the_page_starts_a_search_and_shows_its_groups(client: Client, head: Any) -> None:
    one, two = contact(head, "Кузнецов Пётр", "89123456789"), contact(head, "Ли Вей", "89123456789")
    client.force_login(head)
    assert "/contacts/duplicates/" in client.get("/contacts/").content.decode()
    assert client.post("/contacts/duplicates/scan/")["Location"] == "/contacts/duplicates/"
    waiting = client.get("/contacts/duplicates/").content.decode()
    assert 'hx-trigger="every 2s"' in waiting
    scan_due()
    page = client.get("/contacts/duplicates/").content.decode()
    assert "+7 (912) 345-67-89" in page
    assert f'value="{one.pk}"' in page
    group = DuplicateGroup.objects.get()
    client.post(f"/contacts/duplicates/{group.pk}/different/")
    assert "Кузнецов" not in client.get("/contacts/duplicates/").content.decode()
    marks = client.get("/contacts/duplicates/?tab=different").content.decode()
    assert "Кузнецов" in marks
    assert two.full_name in marks
    mark = NotDuplicate.objects.get()
    client.post(f"/contacts/duplicates/marks/{mark.pk}/forget/")
    assert "Кузнецов" in client.get("/contacts/duplicates/").content.decode()


def test_the_page_takes_few_queries(client: Client, head: Any, django_assert_max_num_queries: Any) -> None:
    for number in range(8):
        for name in ("Ким Анна", "Ли Вей"):
            contact(head, name, f"8912345678{number}")
    search("contact", head)
    client.force_login(head)
    client.get("/contacts/duplicates/")
    with django_assert_max_num_queries(15):
        client.get("/contacts/duplicates/")


@pytest.mark.rule("ACC-1")
def test_by_api_for_heads_alone(client: Client, head: Any) -> None:
    one, two = contact(head, "Кузнецов Пётр", "89123456789"), contact(head, "Ли Вей", "89123456789")
    client.force_login(make_user())
    assert client.get("/api/v1/contacts/duplicate-groups/").status_code == 403
    assert client.post("/api/v1/contacts/duplicate-groups/scan/").status_code == 403
    client.force_login(head)
    assert client.get("/api/v1/contacts/duplicate-groups/scan/").status_code == 404
    assert client.post("/api/v1/contacts/duplicate-groups/scan/").json()["state"] == "waiting"
    scan_due()
    assert client.get("/api/v1/contacts/duplicate-groups/scan/").json()["percent"] == 100
    (group,) = client.get("/api/v1/contacts/duplicate-groups/").json()
    assert [row["id"] for row in group["records"]] == [one.pk, two.pk]
    assert client.get(f"/api/v1/contacts/duplicate-groups/?after={group['id']}").json() == []


def test_before_the_first_search_the_page_says_only_that(head: Any, client: Client) -> None:
    client.force_login(head)
    page = client.get("/contacts/duplicates/").content.decode()
    assert "Поиска ещё не было" in page
    assert "Искать дубликаты" in page
    assert "Дублей не найдено" not in page
    assert "Ничего не найдено" not in page
    search("contact", head)
    page = client.get("/contacts/duplicates/").content.decode()
    assert "Поиска ещё не было" not in page
    assert "Дублей не найдено" in page


@pytest.mark.rule("LEAD-16")
def test_groups_are_cut_by_the_type_of_their_clients(client: Client, head: Any) -> None:
    people = [contact(head, "Кузнецов Пётр", "89123456789") for _number in range(2)]
    mixed = [
        contact(head, "Ли Вей", "89990001122"),
        contact(head, "Сидоров Олег", "89990001122", client_type="supplier"),
    ]
    search("contact", head)
    client.force_login(head)
    page = client.get("/contacts/duplicates/", {"client_type": "supplier", "sure": "1"})
    body = page.content.decode()
    assert all(record.get_absolute_url() in body for record in mixed)
    assert not any(record.get_absolute_url() in body for record in people)
    assert "?client_type=supplier" in body  # the other switches keep the type
    nothing = client.get("/contacts/duplicates/", {"client_type": "partner"}).content.decode()
    assert "duplicate-group" not in nothing
    assert 'value="partner" selected' in nothing
    assert client.get("/contacts/duplicates/", {"client_type": "' or 1"}).status_code == 200
    found = client.get("/api/v1/contacts/duplicate-groups/", {"client_type": "supplier"}).json()
    assert [{row["id"] for row in group["records"]} for group in found] == [{record.pk for record in mixed}]
    assert len(client.get("/api/v1/contacts/duplicate-groups/", {"client_type": "client"}).json()) == 2
    assert client.get("/api/v1/contacts/duplicate-groups/", {"client_type": "vip"}).status_code == 400
    assert client.get("/api/v1/leads/duplicate-groups/", {"client_type": "client"}).status_code == 400
    assert 'name="client_type"' not in client.get("/leads/duplicates/").content.decode()
