"""Details of companies on paper: check digits of INN, KPP, OGRN, BIK and accounts, for our own and for clients'."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from crm import preferences, requisites
from crm.clients import company_update
from crm.errors import InvalidInput
from tests.api.conftest import Caller
from tests.factories import make_company, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("DEAL-11")]
# The central bank's own published examples of a bank, a settlement and a correspondent account do not change.
BIK, ACCOUNT, CORR = "044525225", "40702810438000060473", "30101810400000000225"


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("inn", "7707083893", "7707083894"),
        ("kpp", "7736 50 001", "77365"),
        ("ogrn", "1027700132195", "1027700132196"),
        ("ogrn", "304500116000157", "304500116000158"),
        ("bik", "044525225", "144525225"),
        ("account", "4070 2810 4380 0006 0473", "4070281093800006047"),
        ("corr_account", CORR, "3010181040000000022А"),
    ],
)
def test_a_slip_is_found_and_spaces_are_no_slip(name: str, right: str, wrong: str) -> None:
    assert requisites.CLEANERS[name](right) == right.replace(" ", "")
    assert requisites.CLEANERS[name]("") == ""
    with pytest.raises(ValidationError):
        requisites.CLEANERS[name](wrong)


def test_an_account_belongs_to_the_bank_of_its_bik() -> None:
    assert requisites.of_another_bank({"bik": BIK, "account": ACCOUNT, "corr_account": CORR}) == {}
    found = requisites.of_another_bank({"bik": BIK, "account": ACCOUNT[:-1] + "4", "corr_account": CORR[:-1] + "6"})
    assert set(found) == {"account", "corr_account"}
    assert requisites.of_another_bank({"bik": "", "account": ACCOUNT}) == {}


def test_a_clients_company_is_checked_in_services_and_api() -> None:
    owner = make_user()
    company = make_company(owner)
    company_update(company, by=owner, data={"bik": BIK, "account": ACCOUNT, "ogrn": "1027700132195"})
    with pytest.raises(InvalidInput) as refused:
        company_update(company, by=owner, data={"bik": "044525226"})
    assert refused.value.errors[0]["pointer"] == "/account"
    answer = Caller(owner).patch(f"companies/{company.pk}/", {"ogrn": "1027700132196"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/ogrn")
    assert Caller(make_user()).patch(f"companies/{company.pk}/", {"ogrn": ""}).status_code == 404


def _form(client: Client, section: str) -> dict[str, Any]:
    form = client.get(reverse("settings-company", args=[section])).context["form"]
    return {name: field.initial if field.initial is not None else "" for name, field in form.fields.items()}


def test_our_details_stand_on_a_page_of_their_own_and_are_checked_together() -> None:
    head = make_user(Role.SALES_HEAD, language="en")
    client = Client()
    client.force_login(head)
    given = {**_form(client, "seller"), "seller_bik": BIK, "seller_account": ACCOUNT, "seller_corr_account": CORR}
    assert "company_time_zone" not in given
    url = reverse("settings-company", args=["seller"])
    wrong = client.post(url, {**given, "seller_account": ACCOUNT[:-1] + "4"})
    assert (wrong.status_code, "does not belong to the bank" in wrong.content.decode()) == (422, True)
    assert preferences.get("seller_bik") == ""
    assert client.post(url, given).status_code == 302
    assert preferences.seller()["corr_account"] == CORR
    program = Caller(head)
    refused = program.patch("preferences/", {"seller_bik": "044525226"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/seller_account")
    assert preferences.get("seller_bik") == BIK
    assert client.get(reverse("settings-company", args=["nothing"])).status_code == 404
    assert Client().get(url).status_code == 302


def test_every_section_has_its_settings_and_saves_as_it_is_shown() -> None:
    client = Client()
    client.force_login(make_user(Role.SALES_HEAD))
    shown: list[str] = []
    for section in preferences.SECTIONS:
        given = _form(client, section)
        shown += given
        assert client.post(reverse("settings-company", args=[section]), given).status_code == 302, section
    hidden = {key for key, setting in preferences.SETTINGS.items() if setting.kind == "hidden" or setting.is_guarded}
    assert sorted(shown) == sorted(preferences.SETTINGS.keys() - hidden)


def test_old_free_texts_are_taken_apart_and_nothing_is_lost() -> None:
    old = importlib.import_module("crm.migrations.0021_seller_details")
    numbers, left = old.taken("ИНН/КПП 7707083893/773601001 ОГРН 1027700132195", old.NUMBERS)
    assert numbers == {"seller_inn": "7707083893", "seller_kpp": "773601001", "seller_ogrn": "1027700132195"}
    assert left == ""
    found, bank = old.taken(f"р/с {ACCOUNT} в банке «Пример», БИК {BIK}, к/с {CORR}", old.BANK)
    assert found == {"seller_account": ACCOUNT, "seller_bik": BIK, "seller_corr_account": CORR}
    assert bank == "«Пример»"
    assert old.taken("уточняйте у бухгалтера", old.BANK) == ({}, "уточняйте у бухгалтера")
