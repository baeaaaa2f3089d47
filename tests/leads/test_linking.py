"""«Это он»: an unknown caller is found by anything they say, linked, recognised from then on, unlinked (LEAD-12)."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.client_search import find_clients
from crm.clients import company_create, contact_create
from crm.contact_points import points_of
from crm.models import Change, Contact
from crm.point_services import point_remove
from crm.recognition import recognise
from crm.services import record_update
from crm.throttling import LookupThrottle
from leads.linking import NotLinked, lead_link_client, lead_unlink_client
from leads.models import Lead
from leads.services import lead_create, lead_points
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-12")]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def owner() -> Any:
    return make_user()


def anna(owner: Any) -> Any:
    return contact_create(
        by=owner, data={"name": "Семёнова Анна", "responsible": owner}, phones="8 912 345-67-89", emails="anna@mail.ru"
    )


def unknown(owner: Any, phones: str = "8 999 000-11-22") -> Lead:
    return lead_create(by=owner, data={"name": "Аня", "responsible": owner}, phones=phones)


def fresh(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


@pytest.mark.parametrize(
    "query",
    ["6789", "45-67-89", "8 912 345 67 89", "+7 (912) 345-67-89", "анна семенова", "СЕМЁН", "anna@mail", "5 67 89"],
)
def test_a_client_is_found_by_anything_they_say(owner: Any, query: str) -> None:
    contact = anna(owner)
    contact_create(by=owner, data={"name": "Ли Вей", "responsible": owner}, phones="8 912 000-00-00")
    assert [hit.record for hit in find_clients(query, owner)] == [contact]


def test_by_inn_and_by_the_end_of_the_number_first(owner: Any) -> None:
    company = company_create(by=owner, data={"name": "Сталь", "inn": "7707083893", "responsible": owner})
    assert [hit.record for hit in find_clients("7707083893", owner)] == [company]
    contact_create(by=owner, data={"name": "Ли Вей", "responsible": owner}, phones="8 967 891-00-00")
    contact = anna(owner)
    hits = find_clients("6789", owner)
    assert hits[0].record == contact
    assert hits[0].points[0] == "+7 (912) 345-67-89"
    assert find_clients("6", owner) == find_clients("", owner) == []


@pytest.mark.rule("ACC-1")
def test_only_clients_in_sight_are_found(owner: Any) -> None:
    anna(owner)
    assert find_clients("6789", make_user()) == find_clients("6789", make_user(Role.PARTNER)) == []
    assert len(find_clients("6789", make_user(Role.SALES_HEAD))) == 1


def test_the_next_request_from_that_number_is_recognised(owner: Any) -> None:
    contact, lead = anna(owner), unknown(owner)
    lead = lead_link_client(lead, contact=contact, by=owner)
    assert (lead.contact, lead.is_repeat) == (contact, True)
    again = unknown(owner)
    assert recognise(lead_points(again)).contact == contact


def test_a_link_is_taken_back_in_full(owner: Any) -> None:
    contact, lead = anna(owner), unknown(owner, "8 999 000-11-22, 8 912 345-67-89")
    lead = fresh(lead)
    before = (lead.contact, lead.company, lead.is_repeat)
    lead = lead_link_client(lead, contact=contact, by=owner)
    lead = lead_unlink_client(lead, by=owner)
    assert (lead.contact, lead.company, lead.is_repeat) == before
    assert {point.value for point in points_of(contact)} == {"+79123456789", "anna@mail.ru"}
    assert (fresh(contact).phone, fresh(contact).email) == ("+79123456789", "anna@mail.ru")
    assert len(points_of(lead)) == 2
    assert "79990001122" not in fresh(contact).search_text
    with pytest.raises(NotLinked):
        lead_unlink_client(lead, by=owner)


def test_a_client_that_somebody_changed_since_stays(owner: Any) -> None:
    contact, lead = anna(owner), unknown(owner)
    other = contact_create(by=owner, data={"name": "Ли Вей", "responsible": owner})
    lead = lead_link_client(lead, contact=contact, by=owner)
    record_update(lead, data={"contact": other}, by=owner)
    with pytest.raises(NotLinked):
        lead_unlink_client(lead, by=owner)
    assert fresh(lead).contact == other


def test_a_phone_that_was_removed_meanwhile_hinders_nothing(owner: Any) -> None:
    contact, lead = anna(owner), unknown(owner)
    lead = lead_link_client(lead, contact=contact, by=owner)
    added = next(point for point in points_of(contact) if point.value == "+79990001122")
    point_remove(contact, point_id=added.pk, by=owner)
    assert lead_unlink_client(lead, by=owner).contact is None


def test_in_the_browser(client: Client, owner: Any) -> None:
    contact, lead = anna(owner), unknown(owner)
    client.force_login(owner)
    card = client.get(lead.get_absolute_url()).content.decode()
    assert f"/leads/{lead.pk}/link/" in card
    part = client.get(f"/leads/{lead.pk}/link/?q=6789", headers={**HTMX, "HX-Target": "found-clients"}).content.decode()
    assert f'name="contact" value="{contact.pk}"' in part
    assert "<form" not in part
    done = client.post(f"/leads/{lead.pk}/link/", {"contact": contact.pk}, headers=HTMX)
    assert f"/leads/{lead.pk}/unlink/" in done["HX-Trigger"]
    assert fresh(lead).contact == contact
    assert client.post(f"/leads/{lead.pk}/unlink/", headers=HTMX).status_code == 204
    assert client.post(f"/leads/{lead.pk}/unlink/", headers=HTMX).status_code == 409
    assert client.post(f"/leads/{lead.pk}/link/", headers=HTMX).status_code == 422
    for wrong in ("x", str(10**20), "999999"):
        assert client.post(f"/leads/{lead.pk}/link/", {"contact": wrong}, headers=HTMX).status_code == 404
    assert Contact.objects.count() == 1


@pytest.mark.rule("ACC-1")
def test_strangers_neither_search_for_it_nor_link(client: Client, owner: Any) -> None:
    contact, lead = anna(owner), unknown(owner)
    stranger = make_user()
    client.force_login(stranger)
    assert client.get(f"/leads/{lead.pk}/link/?q=6789").status_code == 404
    assert client.post(f"/leads/{lead.pk}/unlink/").status_code == 404
    own = unknown(stranger, "8 999 000-11-33")
    assert client.post(f"/leads/{own.pk}/link/", {"contact": contact.pk}).status_code == 404
    assert client.get("/api/v1/client-search/?q=6789").json() == []


def test_by_api(client: Client, owner: Any) -> None:
    contact, lead = anna(owner), unknown(owner)
    client.force_login(owner)
    (hit,) = client.get("/api/v1/client-search/?q=6789").json()
    assert (hit["record_type"], hit["id"]) == ("contact", contact.pk)
    assert client.get("/api/v1/client-search/?q=6").status_code == 400
    url = f"/api/v1/leads/{lead.pk}/client/"
    assert client.post(url, {"contact": contact.pk}, content_type="application/json").json()["is_repeat"] is True
    assert client.post(f"{url}undo/").json()["contact"] is None
    assert client.post(f"{url}undo/").status_code == 409


def ask(client: Client, lead: Lead, query: str) -> str:
    part = client.get(f"/leads/{lead.pk}/link/", {"q": query}, headers={**HTMX, "HX-Target": "found-clients"})
    return part.content.decode()


def note_in(page: str) -> str:
    found = re.search(r'name="note" value="([^"]+)"', page)
    assert found is not None
    return html.unescape(found[1])


@pytest.fixture
def operator() -> Any:
    return make_user(Role.CALL_CENTER)


@pytest.mark.rule("ACC-1")
def test_an_operator_recognises_a_client_and_learns_no_more(client: Client, owner: Any, operator: Any) -> None:
    contact = anna(owner)
    record_update(
        contact, data={"company": company_create(by=owner, data={"name": "Сталь", "inn": "7707083893"})}, by=owner
    )
    lead = lead_create(by=operator, data={"name": "Аня"}, phones="8 999 000-11-22")
    client.force_login(operator)
    page = ask(client, lead, "67-89")
    for shown in ("Семёнова Анна", "Сталь", "67-89", str(owner)):
        assert shown in page
    for kept in ("912", "345", "anna@", "7707083893", contact.get_absolute_url(), f'value="{contact.pk}"'):
        assert kept not in page
    done = client.post(f"/leads/{lead.pk}/link/", {"note": note_in(page)}, headers=HTMX)
    assert f"/leads/{lead.pk}/unlink/" in done["HX-Trigger"]
    assert (fresh(lead).contact, fresh(lead).is_repeat) == (contact, True)
    assert "+79990001122" in {point.value for point in points_of(contact)}
    assert client.get(contact.get_absolute_url()).status_code == 404
    assert find_clients("6789", operator) == []
    (line,) = Change.objects.filter(field="client_lookup")
    assert (line.record_id, line.actor_user, line.new["value"]) == (lead.pk, operator, f"67-89: contact {contact.pk}")
    assert client.post(f"/leads/{lead.pk}/unlink/", headers=HTMX).status_code == 204


@pytest.mark.parametrize("query", ["678", "ан", "а б в", "s", "-", "+7 9"])
def test_too_little_to_recognise_by_finds_nobody(client: Client, owner: Any, operator: Any, query: str) -> None:
    anna(owner)
    lead = lead_create(by=operator, data={"name": "Аня"}, phones="8 999 000-11-22")
    client.force_login(operator)
    assert 'name="note"' not in ask(client, lead, query)
    assert "Семёнова" not in client.get(f"/api/v1/leads/{lead.pk}/client-candidates/", {"q": query}).content.decode()
    assert not Change.objects.filter(field="client_lookup").exists()


def test_an_operator_shows_a_few_and_only_so_often(
    client: Client, owner: Any, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        contact_create(by=owner, data={"name": f"Иванов Пётр{number}", "responsible": owner})
    monkeypatch.setattr(LookupThrottle, "THROTTLE_RATES", {"lookups": "2/hour"})
    lead = lead_create(by=operator, data={"name": "Аня"}, phones="8 999 000-11-22")
    client.force_login(operator)
    assert ask(client, lead, "Иванов").count('name="note"') == 5
    assert ask(client, lead, "иван").count('name="note"') == 5
    assert 'name="note"' not in ask(client, lead, "Иванов")
    refused = client.get(f"/api/v1/leads/{lead.pk}/client-candidates/?q=6789")
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert int(refused["Retry-After"]) > 3000
    client.force_login(owner)
    own = unknown(owner, "8 999 000-11-33")
    assert ask(client, own, "Иванов").count('name="contact"') == 7


@pytest.mark.rule("ACC-1")
def test_an_operator_links_nobody_by_number_or_by_the_note_of_another_lead(
    client: Client, owner: Any, operator: Any, clock: Any
) -> None:
    contact = anna(owner)
    lead, other = (lead_create(by=operator, data={"name": "Аня"}, phones=f"8 999 000-11-2{n}") for n in "23")
    client.force_login(operator)
    note = note_in(ask(client, other, "6789"))
    for data in ({"contact": contact.pk}, {"note": note}, {"note": "x"}, {"note": note[:-1]}):
        assert client.post(f"/leads/{lead.pk}/link/", data, headers=HTMX).status_code == 404
    url = f"/api/v1/leads/{lead.pk}/client/"
    for body in ({"contact": contact.pk}, {"note": note}):
        assert client.post(url, body, content_type="application/json").status_code in {400, 404}
    late = note_in(ask(client, lead, "6789"))
    clock.travel(hours=2)
    assert client.post(f"/leads/{lead.pk}/link/", {"note": late}, headers=HTMX).status_code == 404
    handed = unknown(owner, "8 999 000-11-44")
    assert client.get(f"/leads/{handed.pk}/link/?q=6789").status_code == 404
    assert client.get(f"/api/v1/leads/{handed.pk}/client-candidates/?q=6789").status_code == 404
    assert fresh(lead).contact is None


@pytest.mark.rule("ACC-1")
def test_nobody_else_is_shown_clients_out_of_their_sight(client: Client, owner: Any) -> None:
    anna(owner)
    for user in (make_user(), make_user(Role.PARTNER)):
        pipeline = "partner_lead" if user.is_partner else "lead"
        lead = lead_create(by=user, data={"name": "Аня"}, phones="8 999 000-11-22", pipeline=pipeline)
        client.force_login(user)
        assert client.get(f"/api/v1/leads/{lead.pk}/client-candidates/?q=6789").json() == []
        page = ask(client, lead, "6789")
        assert 'name="note"' not in page
        assert "Семёнова" not in page


def test_an_operator_links_by_api(client: Client, owner: Any, operator: Any) -> None:
    contact = anna(owner)
    lead = lead_create(by=operator, data={"name": "Аня"}, phones="8 999 000-11-22")
    client.force_login(operator)
    (hit,) = client.get(f"/api/v1/leads/{lead.pk}/client-candidates/?q=6789").json()
    assert (hit["id"], hit["name"], hit["points"], hit["notes"]) == (None, "Семёнова Анна", ["… 67-89"], [str(owner)])
    url = f"/api/v1/leads/{lead.pk}/client/"
    assert client.post(url, {"note": hit["note"]}, content_type="application/json").json()["is_repeat"] is True
    assert fresh(lead).contact == contact
