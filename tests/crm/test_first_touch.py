"""What first brought a client is locked on the client; the last touch is told beside it (LEAD-1)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from communications.models import WebForm
from crm.clients import contact_update
from crm.errors import InvalidInput
from crm.models import Contact
from leads.conversion import ConversionChoice, convert
from leads.models import Lead
from leads.services import lead_update
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-1")]
BUILDING = {"purpose": "склад", "address": "Тверь, ул. Ленина, 5", "length": "60", "width": "24"}
FIRST = {"utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "angary", "yclid": "77"}


def post(**data: str) -> Lead:
    WebForm.objects.get_or_create(key="site-key", defaults={"name": "Сайт", "allowed_origins": ["https://site.ru"]})
    answer = Client().post("/api/v1/forms/site-key/submissions/", {"name": "Анна Ким", "phone": "89123456789", **data})
    assert answer.status_code == 202
    return Lead.objects.latest("pk")


def client_of(owner: Any) -> Contact:
    lead = post(**FIRST, **BUILDING)
    lead_update(lead, by=make_user(Role.SALES_HEAD), data={"responsible": owner})
    contact = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person")).contact
    assert contact is not None
    return contact


def test_a_later_request_from_elsewhere_leaves_the_first_touch_and_is_the_last() -> None:
    make_user(Role.SALES_HEAD)
    owner = make_user()
    contact = client_of(owner)
    again = post(utm_source="vk", utm_medium="cpc", utm_campaign="vesna")
    contact.refresh_from_db()
    assert (contact.source_id, contact.utm_campaign, contact.click_ids) == ("yandex_direct", "angary", {"yclid": "77"})
    assert (again.contact, again.source_id, again.utm_campaign) == (contact, "vk_ads", "vesna")
    page = Client()
    page.force_login(owner)
    text = page.get(f"/contacts/{contact.pk}/").content.decode()
    for shown in ("Первое касание", "Яндекс Директ", "Последнее касание", "VK Реклама, vesna", "yclid: 77"):
        assert shown in text
    lead_text = page.get(f"/leads/{again.pk}/").content.decode()
    assert "VK Реклама" in lead_text
    assert "campaign: vesna" in lead_text


@pytest.mark.parametrize("field", ["source", "utm_source", "click_ids"])
def test_only_the_head_corrects_the_first_touch(field: str) -> None:
    head, owner = make_user(Role.SALES_HEAD), make_user()
    contact = client_of(owner)
    value: Any = {"source": "avito", "utm_source": "avito", "click_ids": {"gclid": "1"}}[field]
    key = "source_id" if field == "source" else field
    before = getattr(contact, key)
    with pytest.raises(InvalidInput) as refused:
        contact_update(Contact.objects.get(pk=contact.pk), by=owner, data={field: value})
    assert refused.value.errors[0]["pointer"] == f"/{field}"
    assert getattr(Contact.objects.get(pk=contact.pk), key) == before
    contact_update(Contact.objects.get(pk=contact.pk), by=head, data={field: value})
    assert getattr(Contact.objects.get(pk=contact.pk), key) == value


def test_a_client_without_a_touch_gets_one_from_its_owner() -> None:
    from tests.factories import make_client

    owner = make_user()
    contact = make_client(owner)
    contact_update(contact, by=owner, data={"source": "recommendation"})
    assert Contact.objects.get(pk=contact.pk).source_id == "recommendation"


@pytest.mark.parametrize(
    ("referrer", "source"),
    [
        ("https://yandex.ru/search/", "organic_yandex"),
        ("https://www.google.com/", "organic_google"),
        ("https://vk.com/angary", "social_vk"),
        ("https://t.me/angary", "social_telegram"),
        ("https://partner-blog.ru/post", "referral"),
        ("https://site.ru/catalogue", "direct"),
        ("https://msk.site.ru/", "direct"),
        ("", "direct"),
    ],
)
def test_the_referrer_decides_when_no_mark_and_no_click_id_do(referrer: str, source: str) -> None:
    make_user(Role.SALES_HEAD)
    assert post(referrer=referrer).source_id == source
    assert post(phone="89120000000", referrer=referrer, gclid="1").source_id == "google_ads"
    assert post(phone="89120000001", referrer=referrer, gclid="1", utm_source="avito").source_id == "avito"
