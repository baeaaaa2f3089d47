"""Numbers, dates, people and form fields look the same on every page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone, translation

from crm.templatetags import cards, ui

NBSP = "\u00a0"


@pytest.fixture(autouse=True)
def russian_in_moscow() -> Any:
    with translation.override("ru"), timezone.override(ZoneInfo("Europe/Moscow")):
        yield


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("1234567.80"), "1 234 567,80 ₽"),
        (Decimal("4350000.00"), "4 350 000 ₽"),
        (0, "0 ₽"),
        (Decimal("-15.5"), "-15,50 ₽"),
        (None, ""),
        ("", ""),
        ("много", ""),
    ],
)
def test_money_is_grouped_and_never_breaks(value: Any, shown: str) -> None:
    assert ui.money(value) == shown.replace(" ", NBSP)


def test_money_in_english_and_in_another_currency() -> None:
    with translation.override("en"):
        assert ui.money(Decimal("1234567.8"), "USD") == f"1,234,567.80{NBSP}$"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(Decimal("24.00"), "24"), (Decimal("1440.50"), "1 440,5"), (Decimal("1E+3"), "1 000"), ("NaN", "")],
)
def test_numbers_have_no_idle_zeros(value: Any, shown: str) -> None:
    assert ui.number(value) == shown.replace(" ", NBSP)


def test_a_share_below_zero_has_a_minus_and_no_hyphen() -> None:
    assert ui.percent(-0.35) == f"\N{MINUS SIGN}35{NBSP}%"
    assert ui.percent(0.126, 1) == f"12,6{NBSP}%"


def test_a_number_does_not_part_from_its_unit() -> None:
    assert ui.unit(Decimal(1440), "м²") == f"1{NBSP}440{NBSP}м²"
    assert ui.unit(None, "м²") == ""


def test_dates_are_told_in_the_time_of_the_reader(clock: Any) -> None:
    late = datetime(2025, 12, 31, 22, 30, tzinfo=UTC)
    assert ui.day(late) == "01.01.2026"
    assert ui.day(date(2025, 12, 31)) == "31.12.2025"
    with clock.at(late):
        assert ui.moment(late).endswith(f",{NBSP}01:30")
        assert ui.moment(late - timedelta(days=40)) == f"22.11.2025,{NBSP}01:30"


def test_initials_and_colours_stay_with_a_person() -> None:
    assert ui.initials("Иванов Пётр Сергеевич") == "ИП"
    assert ui.initials("") == "?"
    assert ui.tint("Иванов Пётр") == ui.tint("Иванов Пётр")


def test_an_unknown_colour_of_a_stage_is_gray() -> None:
    assert ui.colour("teal") == "c-teal"
    assert ui.colour('"><script>') == "c-gray"


class Sample(forms.Form):
    name = forms.CharField(label="Название", help_text="Как говорит клиент")
    kind = forms.ChoiceField(label="Вид", choices=[("a", "A")], widget=forms.RadioSelect)
    agreed = forms.BooleanField(label="Согласен", required=False)


def test_an_error_is_tied_to_its_field() -> None:
    form = Sample(data={})
    form.is_valid()
    shown = str(form["name"].as_field_group())
    assert 'aria-describedby="id_name_helptext id_name_error"' in shown
    assert 'id="id_name_error"' in shown
    assert 'id="id_name_helptext"' in shown
    assert 'aria-invalid="true"' in shown
    choices = str(form["kind"].as_field_group())
    assert "<fieldset" in choices
    assert choices.count("form-check-input") == 1  # the input, not the box around it


def test_the_error_summary_leads_to_the_field() -> None:
    form = Sample(data={})
    shown = Template('{% include "components/error_summary.html" %}').render(Context({"form": form}))
    assert 'href="#id_name"' in shown


def test_a_card_shows_only_what_there_is_and_escapes_it() -> None:
    card = {"id": 7, "url": "/deals/7/", "title": "<b>Склад</b>", "stage_key": "deal:costing", "client": "A & B"}
    shown = cards.board_card(card)
    assert "<b>" not in shown
    assert "&lt;b&gt;Склад&lt;/b&gt;" in shown
    assert "A &amp; B" in shown
    assert "data-move-url" not in shown
    assert "tel:" not in shown
    assert cards.board_card(SimpleNamespace(**card)) == shown


def test_a_card_that_may_be_moved_says_where_to() -> None:
    card = {"id": 7, "url": "/deals/7/", "title": "Склад", "move_url": "/deals/7/move/", "phone": "+79123456789"}
    shown = cards.board_card(card)
    assert 'data-move-url="/deals/7/move/"' in shown
    assert "data-move-open" in shown
    assert "+7 (912) 345-67-89" in shown


@pytest.mark.parametrize(("days", "shown"), [(1, "1"), (2, "2"), (5, "5"), (21, "21")])
def test_a_duration_counts_whole_days(days: int, shown: str) -> None:
    assert ui.duration(timedelta(days=days, hours=5)).startswith(shown)


@pytest.mark.rule("LEAD-6")
def test_a_repeat_lead_is_marked_whether_or_not_the_card_names_the_client() -> None:
    card = {"id": 7, "url": "/leads/7/", "title": "Ангар", "repeat": True}
    assert "repeat-sign" in cards.board_card(card)
    assert "repeat-sign" in cards.board_card({**card, "client": "ООО Ромашка"})
    assert "repeat-sign" not in cards.board_card({**card, "repeat": False, "client": "ООО Ромашка"})
