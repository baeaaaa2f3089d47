"""The registry, hand-over dialogs, the panel, the cabinet and control, as people meet them over HTTP."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Partner, Role, User
from crm import clock
from crm.models import Change
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create
from partners.models import Handoff
from tests.factories import make_client, make_deal, make_partner, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, language="en")


@pytest.fixture
def dealer() -> Any:
    return make_user(Role.PARTNER, partner=make_partner(name="ООО «Дилер»"), language="en")


@pytest.fixture
def office(client: Client, head: Any) -> Client:
    client.force_login(head)
    return client


def browser(user: Any) -> Client:
    made = Client()
    made.force_login(user)
    return made


def deal_with_client(by: Any) -> Deal:
    return make_deal(by, contact=make_client(by, phone="8 912 345-67-89"))


def handed(office: Client, head: Any, dealer: Any) -> tuple[Deal, Deal]:
    """A deal of the manufacturer and its twin."""
    deal = deal_with_client(head)
    answer = office.post(f"/deals/{deal.pk}/hand-over/", {"partner": dealer.partner_id, "comment": "Звонить утром"})
    assert answer.status_code == 302, answer.content.decode()[:500]
    return deal, Deal.objects.get(origin=deal)


@pytest.mark.rule("PART-1")
def test_a_partner_is_entered_changed_given_people_and_listed(office: Client) -> None:
    data = {"name": "ООО «Юг»", "phone": "8 863 000-11-22", "commission_percent": "3,5", "regions": "Ростов, Краснодар"}
    office.post("/partners/new/", data)
    partner = Partner.objects.get(name="ООО «Юг»")
    assert partner.profile.regions == ["Ростов", "Краснодар"]
    assert partner.commission_rules.get().steps == [["0.00", "3.50"]]
    card = f"/partners/{partner.pk}/"
    office.post(f"{card}people/new/", {"last_name": "Южный", "email": "yug@example.com"})
    assert User.objects.get(email="yug@example.com").partner == partner
    office.post(f"{card}edit/", {**data, "contract": "№ 4"})
    office.post(f"{card}state/", {"state": "paused"})
    page = office.get(card).content.decode()
    assert "Южный" in page
    assert "Ростов, Краснодар" in page
    assert "ООО «Юг»" in office.get("/partners/").content.decode()
    assert set(Change.objects.filter(record_type="partner").values_list("field", flat=True)) >= {"created", "state"}
    wrong = office.post("/partners/new/", {**data, "commission_percent": "400"})
    assert wrong.status_code == 422


@pytest.mark.rule("ACC-3")
def test_a_partner_is_closed_and_its_records_come_back_in_one_action(office: Client, head: Any, dealer: Any) -> None:
    deal, _twin = handed(office, head, dealer)
    manager = make_user()
    url = f"/partners/{dealer.partner_id}/close/"
    assert office.post(url, {"hand_back_to": ""}).status_code == 422
    session = browser(dealer)
    office.post(url, {"hand_back_to": manager.pk})
    deal.refresh_from_db()
    assert deal.responsible == manager
    assert deal.is_open
    assert session.get("/").status_code == 302
    assert Partner.objects.get(pk=dealer.partner_id).state == "closed"


@pytest.mark.rule("PART-2")
def test_a_deal_is_handed_over_shown_in_the_panel_and_recalled(office: Client, head: Any, dealer: Any) -> None:
    deal, twin = handed(office, head, dealer)
    deal.refresh_from_db()
    assert deal.stage == "deal:at_partner"
    panel = office.get(f"/partners/panel/deal/{deal.pk}/", headers=HTMX).content.decode()
    assert "ООО «Дилер»" in panel
    assert twin.get_absolute_url() in panel
    recall = re.search(r'href="(/partners/hand-overs/\d+/recall/)"', panel)[1]  # type: ignore[index]
    assert office.post(recall, {"reason": "-"}).status_code == 422
    office.post(recall, {"reason": "Клиент просил вернуть"})
    deal.refresh_from_db()
    assert deal.stage == "deal:resumed"
    assert Handoff.objects.get().end_reason == "Клиент просил вернуть"


@pytest.mark.rule("PART-2", "PART-4")
def test_a_record_goes_on_to_another_partner(office: Client, head: Any, dealer: Any) -> None:
    deal, _twin = handed(office, head, dealer)
    other = make_user(Role.PARTNER)
    url = f"/partners/hand-overs/{Handoff.objects.get().pk}/hand-on/"
    assert f'value="{dealer.partner_id}"' not in office.get(url, headers=HTMX).content.decode()
    office.post(url, {"partner": other.partner_id, "reason": "Другой регион"})
    assert Deal.objects.filter(origin=deal, partner=other.partner).exists()


@pytest.mark.rule("PART-2")
def test_a_lead_stays_where_it_is(office: Client, head: Any, dealer: Any) -> None:
    lead = lead_create(by=head, data={"name": "Пётр Семёнов", "responsible": head}, phones="8 912 345-67-89")
    before = lead.stage
    office.post(f"/leads/{lead.pk}/hand-over/", {"partner": dealer.partner_id})
    lead.refresh_from_db()
    assert lead.stage == before
    assert Lead.objects.filter(origin=lead, partner=dealer.partner).exists()


@pytest.mark.rule("PART-3", "ACC-1")
def test_the_cabinet_shows_a_partner_its_own_new_requests_with_a_phone(office: Client, head: Any, dealer: Any) -> None:
    _deal, twin = handed(office, head, dealer)
    page = browser(dealer).get("/cabinet/new/").content.decode()
    assert twin.get_absolute_url() in page
    assert 'href="tel:+79123456789"' in page
    assert "left" in page
    stranger = make_user(Role.PARTNER)
    assert twin.get_absolute_url() not in browser(stranger).get("/cabinet/new/").content.decode()
    assert twin.get_absolute_url() not in browser(dealer).get("/cabinet/work/").content.decode()
    assert office.get("/cabinet/new/").status_code == 403
    assert browser(dealer).get("/cabinet/other/").status_code == 404


@pytest.mark.rule("PART-4")
def test_every_figure_of_control_is_the_number_of_rows_of_its_list(office: Client, head: Any, dealer: Any) -> None:
    handed(office, head, dealer)
    _deal, late = handed(office, head, dealer)
    Deal.objects.filter(pk=late.pk).update(stage_entered_at=clock.now() - timedelta(days=9))
    control = browser(make_user(Role.PARTNER_CONTROL))
    row = control.get("/partners/control/").context["rows"][0]
    assert [cell["value"] for cell in row["cells"]] == [0, 0, 0, 0, 2, 2, 1, 0]
    for cell in [*row["cells"], row["won"]]:
        assert control.get(cell["url"]).context["page"].count == cell["value"], cell["url"]


@pytest.mark.rule("ACC-1")
def test_others_get_neither_registry_nor_panel(office: Client, head: Any, dealer: Any) -> None:
    deal, twin = handed(office, head, dealer)
    handoff = Handoff.objects.get()
    for user in (make_user(), make_user(Role.CALL_CENTER), make_user(Role.PARTNER)):
        other = browser(user)
        assert other.get("/partners/").status_code == 403
        assert other.get("/partners/control/").status_code == 403
        assert other.get(f"/partners/{dealer.partner_id}/").status_code == 404
        assert other.get(f"/partners/panel/deal/{deal.pk}/").status_code == 404
        assert other.get(f"/partners/panel/deal/{twin.pk}/").status_code == 404
        assert other.post(f"/partners/hand-overs/{handoff.pk}/recall/", {"reason": "моё"}).status_code == 404
        assert other.post(f"/deals/{deal.pk}/hand-over/", {"partner": dealer.partner_id}).status_code == 404
    own = browser(dealer)
    assert own.get(f"/partners/panel/deal/{twin.pk}/", headers=HTMX).status_code == 200
    assert own.post(f"/partners/hand-overs/{handoff.pk}/recall/", {"reason": "моё"}).status_code == 403
    assert own.post(f"/deals/{twin.pk}/hand-over/", {"partner": dealer.partner_id}).status_code == 403
    control = browser(make_user(Role.PARTNER_CONTROL))
    assert control.get("/partners/").status_code == 200
    assert control.get("/partners/new/").status_code == 403
    assert control.post(f"/partners/{dealer.partner_id}/state/", {"state": "paused"}).status_code == 403


def test_a_paused_partner_is_not_offered(office: Client, head: Any, dealer: Any) -> None:
    deal = deal_with_client(head)
    Partner.objects.filter(pk=dealer.partner_id).update(state="paused")
    page = office.get(f"/deals/{deal.pk}/hand-over/", headers=HTMX).content.decode()
    assert "ООО «Дилер»" not in page
    assert office.post(f"/deals/{deal.pk}/hand-over/", {"partner": dealer.partner_id}).status_code == 422
