"""Words and forms that several pages share: empty choices, time zones, scopes of a token, HEAD."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.test import Client
from django.utils import translation
from rest_framework import serializers

from accounts.models import ApiToken, Role
from communications.models import Submission
from communications.views import gist
from crm.api.serializers import Day, Moment
from crm.views.settings_company import zone_choices
from partners.handoff import hand_over
from tests.factories import make_client, make_company, make_deal, make_partner, make_user
from tests.partners.scene import Scene, browser

pytestmark = pytest.mark.django_db


def test_no_choice_is_said_in_words_in_every_select() -> None:
    class Sample(forms.Form):
        partner = forms.ModelChoiceField(ApiToken.objects.none(), required=False)
        mark = forms.ChoiceField(choices=[("", "---------"), ("1", "1")], required=False)

    with translation.override("ru"):
        shown = str(Sample())
    assert "---" not in shown
    assert shown.count("не выбрано") == 2


def test_time_zones_say_how_far_they_are_and_begin_with_russia(clock: object) -> None:
    with translation.override("ru"):
        choices = [(name, str(label)) for name, label in zone_choices()]
    assert choices[1] == ("Europe/Moscow", "UTC+3 Москва (Europe/Moscow)")
    assert ("Asia/Aden", "UTC+3 Asia/Aden") in choices
    assert ("Asia/Kolkata", "UTC+5:30 Asia/Kolkata") in choices
    assert len({name for name, _label in choices}) == len(choices)


def test_a_token_says_what_it_may_do(client: Client) -> None:
    assert ApiToken(scopes=["read", "gone"]).scope_names[1] == "gone"
    with translation.override("en"):
        assert ApiToken(scopes=["reports"]).scope_names == ["Read reports"]


@pytest.mark.parametrize("path", ["/", "/leads/board/", "/tasks/", "/reports/funnel/", "/settings/people/"])
def test_a_page_answers_head_as_it_answers_get(client: Client, path: str) -> None:
    client.force_login(make_user(Role.ADMINISTRATOR))
    assert client.head(path).status_code == client.get(path).status_code == 200
    assert client.head(path).content == b""


def test_an_empty_limit_is_the_usual_one_and_the_reports_have_an_index(client: Client) -> None:
    client.force_login(make_user(Role.SALES_HEAD))
    assert client.get("/api/v1/stages/?limit=").status_code == 200
    assert client.get("/api/v1/stages/?limit=x").status_code == 400
    reports = client.get("/api/v1/reports/").json()["reports"]
    assert len(reports) >= 5
    assert {client.get(report["url"]).status_code for report in reports} == {200}


def test_the_gist_of_a_post_leaves_out_what_says_nothing() -> None:
    assert gist(Submission(fields=[["", "1"], ["a", "[[[["], ["Имя", " Пётр "], ["", ":"]])) == "1 · Имя: Пётр"


@pytest.mark.rule("PART-2")
def test_a_client_card_tells_the_partners_deal_from_ours() -> None:
    head = make_user(Role.SALES_HEAD, language="ru")
    dealer = make_user(Role.PARTNER, partner=make_partner(name="Дилер"))
    company = make_company(head)
    deal = make_deal(head, company=company, contact=make_client(head, company=company))
    handoff = hand_over(record=deal, partner=dealer.partner, by=head)
    section = f"/deals/section/?company={company.pk}"
    page = browser(head).get(section, headers={"HX-Request": "true"})
    whose = {row["url"]: row["partner"] for row in page.context["rows"]}
    assert whose == {f"/deals/{deal.pk}/": "", f"/deals/{handoff.twin_id}/": "Дилер"}
    assert "у партнёра: Дилер" in page.content.decode()


@pytest.mark.rule("PART-2")
def test_a_twin_has_no_panel_of_dashes_and_promises_no_composer_that_is_not_there() -> None:
    scene = Scene()
    deal = scene.deal()
    _handoff, twin = scene.handed(deal)
    assert 'id="fact-referrer"' not in browser(scene.dealer).get(f"/deals/{twin.pk}/").content.decode()
    assert 'id="fact-referrer"' in browser(scene.manager).get(f"/deals/{deal.pk}/").content.decode()
    page = browser(scene.dealer).get(f"/objects/{twin.object_id or scene.object.pk}/")
    if page.status_code == 200 and not page.context.get("composer"):
        assert "Запланируйте его ниже" not in page.content.decode()


def test_the_api_says_in_plain_russian_what_is_wrong_with_a_date_or_a_number() -> None:
    class Sample(serializers.Serializer[Any]):
        day = Day()
        moment = Moment()
        sum = serializers.DecimalField(max_digits=9, decimal_places=2)

    with translation.override("ru"):
        wrong = Sample(data={"day": "завтра", "moment": "потом", "sum": "12345678901"})
        assert not wrong.is_valid()
        said = " ".join(str(text) for texts in wrong.errors.values() for text in texts)
    assert "Это не дата" in said
    assert "всего цифр в числе — не больше 9" in said.lower()
    assert "date" not in said.lower()
