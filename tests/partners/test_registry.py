"""The registry of partners: entering, changing, pausing and closing them, and handing all back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import ApiToken, Partner, Role
from accounts.services import token_create
from crm import services
from crm.errors import InvalidInput
from crm.models import ClientType, TimelineEntry
from deals.models import Deal
from deals.services import deal_create
from leads.models import Lead
from leads.services import lead_create
from partners.commission import rule_in_force
from partners.handoff import HandoffError, hand_over
from partners.selectors import partners_for, partners_to_choose, partners_with_load
from partners.services import (
    partner_close,
    partner_create,
    partner_hand_back,
    partner_set_state,
    partner_update,
    partner_user_create,
)
from tests.factories import make_partner, make_user

pytestmark = pytest.mark.django_db
DATA: dict[str, Any] = {
    "name": "ООО Дилер Юг",
    "phone": "8 (863) 200-10-20",
    "email": "info@dealer.example",
    "regions": ["Ростовская область"],
    "commission_percent": Decimal("4.5"),
}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


@pytest.mark.rule("PART-1")
def test_a_partner_is_entered_with_profile_and_company(head: Any) -> None:
    partner = partner_create(by=head, data=DATA, company_data={"inn": "7707083893"})
    profile = partner.profile  # type: ignore[attr-defined]
    assert (profile.phone, profile.regions) == ("+78632001020", ["Ростовская область"])
    assert [row.ladder for row in partner.commission_rules.all()] == [[(Decimal(0), Decimal("4.5"))]]  # type: ignore[attr-defined]
    assert (profile.company.name, profile.company.inn, profile.company.client_type) == (
        "ООО Дилер Юг", "7707083893", ClientType.PARTNER,
    )  # fmt: skip
    user = partner_user_create(
        partner, by=head, email="yug@example.com", password="correct horse battery", last_name="Южный"
    )
    assert (user.partner, user.role) == (partner, Role.PARTNER)
    assert list(partners_to_choose(head)) == [partner]


@pytest.mark.rule("PART-1")
@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"phone": "звоните"}, {"commission_percent": Decimal(101)}, {"email": "не почта"}]
)
def test_wrong_values_are_named_and_nothing_is_made(head: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        partner_create(by=head, data={**DATA, **wrong})
    assert refused.value.errors[0]["pointer"] == f"/{next(iter(wrong))}"
    assert not Partner.objects.exists()


@pytest.mark.rule("PART-1")
def test_changes_are_told_on_the_partners_company(head: Any) -> None:
    partner = partner_create(by=head, data=DATA)
    partner_update(partner, by=head, data={"commission_percent": Decimal(6), "name": "ООО Дилер"})
    profile = Partner.objects.get(pk=partner.pk).profile  # type: ignore[attr-defined]
    rule = rule_in_force(partner.pk)
    assert rule is not None
    assert rule.steps == [["0.00", "6.00"]]
    entry = TimelineEntry.objects.get(record_type="company", record_id=profile.company_id, action="partner_changed")
    assert {row["field"] for row in entry.data["changes"]} == {"name", "commission_percent"}


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.PARTNER_CONTROL, Role.PARTNER, Role.CALL_CENTER])
def test_only_the_head_keeps_the_registry(head: Any, role: str) -> None:
    person = make_user(role)
    partner = make_partner()
    for attempt in (
        lambda: partner_create(by=person, data=DATA),
        lambda: partner_update(partner, by=person, data={"name": "Другое"}),
        lambda: partner_set_state(partner, state="paused", by=person),
        lambda: partner_close(partner, by=person),
        lambda: partner_user_create(partner, by=person, email="x@example.com", last_name="Х"),
    ):
        with pytest.raises(PermissionDenied):
            attempt()


@pytest.mark.rule("ACC-3")
def test_closing_ends_sessions_and_tokens_at_once(head: Any) -> None:
    dealer = make_user(Role.PARTNER)
    browser = Client()
    browser.force_login(dealer)
    token_create(user=dealer, by=dealer, name="1С", scopes=["read"])
    partner_close(dealer.partner, by=head)
    dealer.refresh_from_db()
    assert not dealer.is_active
    assert browser.get("/leads/").status_code == 302
    assert ApiToken.objects.get().revoked_at is not None
    assert list(Deal.objects.visible_to(dealer)) == []
    with pytest.raises(HandoffError):
        partner_user_create(Partner.objects.get(pk=dealer.partner_id), by=head, email="y@example.com", last_name="Y")


@pytest.mark.rule("ACC-3")
def test_closing_hands_every_open_record_back_in_one_action(head: Any) -> None:
    dealer, manager, heir = make_user(Role.PARTNER), make_user(), make_user()
    deal = deal_create(by=manager, data={"title": "Ангар"})
    hand_over(record=deal, partner=dealer.partner, by=manager)
    own = lead_create(by=dealer, data={"name": "Свой клиент"}, phones="+79161234567")
    done = partner_close(dealer.partner, by=head, hand_back_to=heir, reason="Договор расторгнут")
    assert done == 2
    deal = Deal.objects.get(pk=deal.pk)
    assert (deal.stage, deal.responsible) == ("deal:resumed", heir)
    assert Lead.objects.get(pk=own.pk).stage == "partner_lead:recalled"
    adopted = Lead.objects.get(partner__isnull=True)
    assert (adopted.name, adopted.phone, adopted.responsible) == ("Свой клиент", "+79161234567", heir)
    assert not Deal.objects.filter(partner=dealer.partner).open().exists()


@pytest.mark.rule("ACC-3")
def test_without_an_heir_nothing_is_lost_and_it_can_be_handed_back_later(head: Any) -> None:
    dealer, manager, heir = make_user(Role.PARTNER), make_user(), make_user()
    deal = deal_create(by=manager, data={"title": "Ангар"})
    hand_over(record=deal, partner=dealer.partner, by=manager)
    assert partner_close(dealer.partner, by=head) == 0
    twin = Deal.objects.get(partner=dealer.partner)
    assert twin.is_open
    assert twin in Deal.objects.visible_to(head)
    with pytest.raises(InvalidInput):
        partner_hand_back(dealer.partner, to=make_user(Role.PARTNER), by=head)
    assert partner_hand_back(dealer.partner, to=heir, by=head) == 1
    assert partner_hand_back(dealer.partner, to=heir, by=head) == 0


@pytest.mark.rule("PART-1")
def test_a_paused_partner_works_on_with_what_it_has(head: Any) -> None:
    dealer = make_user(Role.PARTNER)
    lead = lead_create(by=dealer, data={"name": "Клиент"})
    partner_set_state(dealer.partner, state="paused", by=head)
    services.record_update(lead, data={"name": "Клиент Петров"}, by=dealer)
    assert list(Lead.objects.visible_to(dealer, "change")) == [lead]


@pytest.mark.rule("PART-1")
def test_the_registry_counts_open_records_in_one_query(head: Any, django_assert_num_queries: Any) -> None:
    from crm import pipelines, scope

    dealers = [make_user(Role.PARTNER) for _number in range(3)]
    for dealer in dealers:
        lead_create(by=dealer, data={"name": "Клиент"})
        deal_create(by=dealer, data={"title": "Сделка"})
    with scope.opened():
        pipelines.all_stages()
        with django_assert_num_queries(1):
            rows = list(partners_with_load(head))
    assert [(row.open_leads, row.open_deals, row.active_users) for row in rows] == [(1, 1, 1)] * 3  # type: ignore[attr-defined]
    assert list(partners_for(dealers[0])) == [dealers[0].partner]
    assert list(partners_for(make_user(Role.CALL_CENTER))) == []
