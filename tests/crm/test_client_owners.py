"""One person answers for a company and all its contacts, whichever way one of them changes hands (DEAL-12)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Role, User
from crm import client_owners, clients, clock, services, undo
from crm.filters import ContactFilter
from crm.merging import merge, undo_merge
from crm.models import Activity, Change, Company, Contact, StagedRecord, TimelineEntry
from tests.factories import make_client, make_company, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("DEAL-12")]


@pytest.fixture(autouse=True)
def _in_english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def heir() -> User:
    return make_user()


@pytest.fixture
def head() -> User:
    return make_user(Role.SALES_HEAD, language="en")


@pytest.fixture
def firm(owner: User) -> Company:
    company: Company = make_company(owner)
    for _number in range(2):
        make_client(owner, company=company)
    return company


def people(company: Company) -> list[Any]:
    """Who answers for the company and its contacts, in the order of their keys."""
    company.refresh_from_db()
    return [company.responsible, *(row.responsible for row in company.contacts.order_by("pk"))]


def told(record: StagedRecord) -> list[str]:
    """Why it changed hands, as its timeline says."""
    rows = TimelineEntry.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk, action="responsible")
    return [row.data["reason"] for row in rows.order_by("pk")]


def out_of_step(firm: Company, person: User | None) -> Contact:
    """A contact that a direct write of the database has taken from its company's person."""
    contact = firm.contacts.order_by("pk")[0]
    Contact.objects.filter(pk=contact.pk).update(responsible=person)
    contact.refresh_from_db()
    return contact


def test_all_contacts_go_with_their_company(firm: Company, heir: User, head: User) -> None:
    contact = firm.contacts.all()[0]
    task = services.activity_create(
        contact, by=head, responsible=firm.responsible, kind="call", title="Звонок", due_at=clock.now()
    )
    services.record_assign(firm, responsible=heir, by=head)
    assert people(firm) == [heir] * 3
    assert Activity.objects.get(pk=task.pk).responsible == heir
    assert told(contact) == ["As of the company"]
    assert Change.objects.filter(record_type="contact", field="responsible", actor_user=head).count() == 2


def test_the_company_and_its_other_contacts_go_with_a_contact(firm: Company, heir: User, owner: User) -> None:
    first, second = firm.contacts.order_by("pk")
    services.record_assign(first, responsible=heir, by=owner)
    assert people(firm) == [heir] * 3
    assert told(firm) == [f"As of the contact «{first}»"]
    assert told(second) == ["As of the company"]
    assert told(first) == [""]


def test_nobody_is_somebody_for_all(firm: Company, head: User) -> None:
    services.record_assign(firm.contacts.all()[0], responsible=None, by=head)
    assert people(firm) == [None] * 3


def test_a_new_contact_takes_the_companys_person(firm: Company, heir: User, owner: User) -> None:
    contact = clients.contact_create(by=heir, data={"name": "Иванов Пётр", "company": firm, "responsible": heir})
    assert (contact.responsible, people(firm)) == (owner, [owner] * 4)


def test_a_contact_put_into_a_company_takes_its_person(firm: Company, heir: User, owner: User) -> None:
    contact = make_client(heir)
    clients.contact_update(contact, by=heir, data={"company": firm, "responsible": heir})
    assert people(firm) == [owner] * 4
    assert told(contact) == ["As of the company"]


def test_a_company_without_anybody_takes_the_person_of_the_contact(heir: User, head: User) -> None:
    firm = make_company(head, responsible=None)
    contact = make_client(heir)
    clients.contact_update(contact, by=head, data={"company": firm})
    assert people(firm) == [heir, heir]


def test_somebody_switched_off_is_followed_all_the_same(firm: Company, owner: User, head: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)
    clients.contact_create(by=head, data={"name": "Иванов Пётр", "company": firm, "responsible": head})
    assert people(firm) == [owner] * 4


def test_a_form_that_sends_the_old_person_hands_over_nothing(firm: Company, heir: User, owner: User) -> None:
    contact = make_client(heir)
    clients.contact_update(contact, by=heir, data={"company": firm, "responsible": heir, "position": "Директор"})
    clients.contact_update(contact, by=owner, data={"responsible": owner, "position": "Снабженец"})
    assert people(firm) == [owner] * 4


def test_a_bulk_change_and_its_undo_take_everybody_along(firm: Company, heir: User, head: User, owner: User) -> None:
    browser = Client(headers={"HX-Request": "true", "HX-Target": "dialog-body"})
    browser.force_login(head)
    data = {"ids": firm.contacts.all()[0].pk, "responsible": heir.pk, "confirmed": "1"}
    answer = browser.post("/contacts/bulk/assign/", data)
    assert people(firm) == [heir] * 3
    browser.post(json.loads(answer["HX-Trigger"])["toast"]["undo_url"])
    assert people(firm) == [owner] * 3


def test_the_undo_of_a_hand_over_gives_all_back(firm: Company, heir: User, owner: User) -> None:
    services.record_assign(firm, responsible=heir, by=owner)
    address = undo.offer(owner, "assign", record_type="company", rows=[[firm.pk, owner.pk, heir.pk]])
    undo.undo(owner, undo.key_of(address))
    assert people(firm) == [owner] * 3


def test_a_merge_of_companies_brings_all_to_one_and_its_undo_apart(
    firm: Company, heir: User, head: User, owner: User
) -> None:
    other = make_company(heir)
    guest = make_client(heir, company=other)
    task = services.activity_create(guest, by=head, responsible=heir, kind="call", title="Звонок", due_at=clock.now())
    done = merge(record_type="company", main_id=firm.pk, other_ids=[other.pk], by=head)
    assert people(firm) == [owner] * 4
    assert Activity.objects.get(pk=task.pk).responsible == owner
    undo_merge(merge_id=done.pk, by=head)
    assert (people(firm), people(other)) == ([owner] * 3, [heir] * 2)
    assert Activity.objects.get(pk=task.pk).responsible == heir


def test_an_undone_merge_leaves_nobody_behind_who_changed_hands_since(firm: Company, heir: User, head: User) -> None:
    other = make_company(heir)
    make_client(heir, company=other)
    done = merge(record_type="company", main_id=firm.pk, other_ids=[other.pk], by=head)
    services.record_assign(firm, responsible=head, by=head)
    undo_merge(merge_id=done.pk, by=head)
    assert (people(firm), people(other)) == ([head] * 3, [heir] * 2)


def test_a_merge_of_contacts_follows_the_company_that_is_left(
    firm: Company, heir: User, head: User, owner: User
) -> None:
    alone = make_client(heir)
    inside = firm.contacts.all()[0]
    done = merge(record_type="contact", main_id=alone.pk, other_ids=[inside.pk], by=head)
    alone.refresh_from_db()
    assert (alone.company, alone.responsible) == (firm, owner)
    undo_merge(merge_id=done.pk, by=head)
    alone.refresh_from_db()
    assert (alone.company, alone.responsible, people(firm)) == (None, heir, [owner] * 3)


def test_what_comes_out_of_the_trash_falls_into_step(firm: Company, heir: User, head: User) -> None:
    contact = firm.contacts.all()[0]
    services.record_delete(contact, by=head)
    services.record_assign(firm, responsible=heir, by=head)
    contact.refresh_from_db()
    assert contact.responsible != heir
    services.record_restore(contact, by=head)
    assert people(firm) == [heir] * 3


def test_the_nightly_check_lists_and_mends(firm: Company, heir: User, owner: User, head: User) -> None:
    wrong = out_of_step(firm, heir)

    def listed(which: str) -> list[int]:
        return [row.pk for row in ContactFilter({"company_person": which}, Contact.objects.visible_to(head)).qs]

    assert listed("differs") == [wrong.pk]
    assert client_owners.mend() == 1
    assert people(firm) == [owner] * 3
    assert told(wrong) == ["Nightly check"]
    assert (listed("differs"), listed("mended")) == ([], [wrong.pk])
    assert client_owners.mend() == 0


def test_the_nightly_check_finds_somebody_for_a_company_of_nobody(firm: Company, heir: User) -> None:
    Company.objects.filter(pk=firm.pk).update(responsible=None)
    Contact.objects.filter(company=firm).update(responsible=None)
    out_of_step(firm, heir)
    assert client_owners.mend() == 1
    assert people(firm) == [heir] * 3


def test_one_company_that_cannot_be_mended_holds_up_no_other(
    firm: Company, heir: User, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_company(owner)
    make_client(owner, company=other)
    out_of_step(firm, heir), out_of_step(other, heir)
    real = client_owners.company_keep_together

    def fails(company: Company, **given: Any) -> int:
        if company == firm:
            raise RuntimeError
        return real(company, **given)

    monkeypatch.setattr(client_owners, "company_keep_together", fails)
    assert client_owners.mend() == 1
    assert people(other) == [owner] * 2
