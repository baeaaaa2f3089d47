"""Leads by hand: title, area, phones, the client they belong to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Role
from crm import preferences
from crm.clients import company_create, contact_create
from crm.errors import InvalidInput, StageConflict
from crm.models import ContactPoint, TimelineEntry
from crm.recognition import recognise
from leads.linking import lead_link_client
from leads.models import Lead
from leads.services import lead_create, lead_points, lead_update
from tests.factories import make_user

pytestmark = pytest.mark.django_db

HANGAR = {
    "name": "Пётр Кузнецов",
    "source": "yandex_direct",
    "purpose": "hangar",
    "length": Decimal(60),
    "width": "24",
    "city": "Тверь",
}


@pytest.mark.rule("LEAD-3")
def test_the_title_is_made_by_the_template_and_follows_its_parts() -> None:
    user = make_user()
    lead = lead_create(by=user, data=HANGAR)
    assert lead.title == "Яндекс Директ: Пётр Кузнецов, Ангар 60×24, Тверь"
    lead_update(lead, by=user, data={"city": "Клин", "length": None})
    assert lead.title == "Яндекс Директ: Пётр Кузнецов, Ангар 24, Клин"


@pytest.mark.rule("LEAD-3")
def test_a_title_written_by_hand_stays_until_it_is_emptied() -> None:
    user = make_user()
    lead = lead_create(by=user, data={**HANGAR, "title": "Важный ангар"})
    lead_update(lead, by=user, data={"city": "Клин"})
    assert lead.title == "Важный ангар"
    lead_update(lead, by=user, data={"title": ""})
    assert lead.title.endswith("Клин")


@pytest.mark.rule("LEAD-3")
@pytest.mark.parametrize(
    ("data", "title"),
    [({}, "Новая заявка"), ({"phone": "89123456789"}, "+79123456789"), ({"city": "Уфа"}, "Уфа")],
)
def test_empty_parts_leave_no_stray_punctuation_and_never_an_empty_title(data: dict[str, Any], title: str) -> None:
    assert lead_create(by=make_user(), data=data).title == title


@pytest.mark.rule("LEAD-3")
def test_the_template_is_a_setting() -> None:
    preferences.set_value("lead_title_template", "{city}: {name} ({area} м²)")
    lead = lead_create(by=make_user(), data=HANGAR)
    assert lead.title == "Тверь: Пётр Кузнецов (1440 м²)"
    with pytest.raises(Exception, match="nonsense"):
        preferences.set_value("lead_title_template", "{nonsense}")


@pytest.mark.rule("LEAD-4")
def test_length_and_width_give_the_area() -> None:
    user = make_user()
    lead = lead_create(by=user, data=HANGAR)
    lead.refresh_from_db()
    assert (lead.area, lead.area_is_manual) == (Decimal("1440.00"), False)
    lead_update(lead, by=user, data={"width": Decimal("18.5")})
    lead.refresh_from_db()
    assert (lead.area, lead.area_is_manual) == (Decimal("1110.00"), False)


@pytest.mark.rule("LEAD-4")
def test_a_hand_entered_area_that_disagrees_is_kept_and_flagged() -> None:
    user = make_user()
    lead = lead_create(by=user, data={**HANGAR, "area": "1500"})
    assert (Decimal(lead.area), lead.area_is_manual) == (Decimal(1500), True)
    lead_update(lead, by=user, data={"width": 30})
    lead.refresh_from_db()
    assert (lead.area, lead.area_is_manual) == (Decimal("1500.00"), True)
    lead_update(lead, by=user, data={"area": None})
    lead.refresh_from_db()
    assert (lead.area, lead.area_is_manual) == (Decimal("1800.00"), False)


@pytest.mark.rule("LEAD-4")
def test_a_form_that_posts_the_old_area_with_new_sides_does_not_enter_it_by_hand() -> None:
    user = make_user()
    lead = lead_create(by=user, data=HANGAR)
    lead_update(lead, by=user, data={"length": "30", "width": "24", "area": "1440"})
    lead.refresh_from_db()
    assert (lead.area, lead.area_is_manual) == (Decimal("720.00"), False)


@pytest.mark.parametrize("size", ["много", "NaN", "-5", "1e9999", "0"])
def test_a_size_that_is_none_is_refused_by_name(size: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        lead_create(by=make_user(), data={**HANGAR, "width": size})
    assert refused.value.errors[0]["pointer"] == "/width"
    assert not Lead.objects.exists()


@pytest.mark.rule("LEAD-5")
def test_phones_are_normalised_and_the_original_is_kept() -> None:
    lead = lead_create(
        by=make_user(),
        data={"name": "Анна"},
        phones=["8 (912) 345-67-89 доб. 5", "8 495 1234567"],
        emails="ANNA@Mail.ru",
    )
    lead.refresh_from_db()
    assert (lead.phone, lead.email) == ("+79123456789", "anna@mail.ru")
    assert lead.phone_original.startswith("8 (912) 345-67-89 доб. 5")
    assert lead.email_original == "ANNA@Mail.ru"
    values = ContactPoint.objects.filter(record_type="lead", record_id=lead.pk).values_list("value", flat=True)
    assert set(values) == {"+79123456789", "+74951234567", "anna@mail.ru"}


@pytest.mark.rule("LEAD-5")
def test_an_unreadable_phone_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        lead_create(by=make_user(), data={"name": "Анна"}, phones="звоните вечером")
    assert refused.value.errors[0]["pointer"] == "/phone"


def test_a_manager_answers_for_a_lead_made_by_hand_and_a_partner_makes_it_in_the_partner_pipeline() -> None:
    manager, partner, operator = make_user(), make_user(Role.PARTNER), make_user(Role.CALL_CENTER)
    assert lead_create(by=manager, data={"name": "Анна"}).responsible == manager
    assert lead_create(by=operator, data={"name": "Анна"}).responsible is None
    twin = lead_create(by=partner, data={"name": "Анна"})
    assert (twin.pipeline_id, twin.partner) == ("partner_lead", partner.partner)


@pytest.mark.rule("PIPE-6")
def test_a_change_on_top_of_another_persons_change_is_refused() -> None:
    user = make_user()
    lead = lead_create(by=user, data=HANGAR)
    stale = lead.version
    lead_update(lead, by=user, data={"city": "Клин"})
    with pytest.raises(StageConflict):
        lead_update(Lead.objects.get(pk=lead.pk), by=user, data={"city": "Уфа"}, expected_version=stale)


@pytest.mark.rule("LEAD-12")
def test_a_lead_from_an_unknown_number_is_linked_to_a_client_who_is_then_recognised() -> None:
    user = make_user()
    company = company_create(by=user, data={"name": "ООО «Стальмонтаж»"})
    contact = contact_create(by=user, data={"name": "Анна Ким", "company": company}, phones="89123456789")
    lead = lead_create(by=user, data={"name": "Аня"}, phones="8 495 123-45-67")
    assert recognise(lead_points(lead)).contact is None
    lead = lead_link_client(lead, contact=contact, by=user)
    assert (lead.contact, lead.company, lead.is_repeat) == (contact, company, True)
    assert recognise(lead_points(lead)).contact == contact
    assert TimelineEntry.objects.filter(record_type="contact", record_id=contact.pk, action="lead_linked").exists()
    with pytest.raises(InvalidInput):
        lead_link_client(lead, by=user)


@pytest.mark.parametrize("name", ["purpose", "source"])
def test_a_row_that_does_not_exist_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        lead_create(by=make_user(), data={name: "nonsense"})
    assert refused.value.errors[0]["pointer"] == f"/{name}"


@pytest.mark.rule("LEAD-1")
@pytest.mark.parametrize(
    ("marks", "source"),
    [
        ({"utm_source": "yandex", "utm_medium": "cpc"}, "yandex_direct"),
        ({"click_ids": {"gclid": "Cj0"}}, "google_ads"),
        ({"referrer": "https://vk.com/wall"}, "social_vk"),
        ({"referrer": "https://zavod.ru/a", "landing_page": "https://zavod.ru/b"}, "direct"),
        ({"utm_source": "yandex", "source": "exhibition"}, "exhibition"),
        ({}, None),
    ],
)
def test_a_lead_without_a_source_gets_it_from_its_marks(marks: dict[str, Any], source: str | None) -> None:
    lead = lead_create(by=make_user(), data={"name": "Пётр", **marks})
    assert lead.source_id == source
    assert lead.title.startswith(f"{lead.source}: " if source else "Пётр")
    lead_update(lead, by=make_user(), data={"utm_source": "google", "utm_medium": "cpc"})
    assert Lead.objects.get(pk=lead.pk).source_id == source
