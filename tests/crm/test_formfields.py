"""What people type into dates, times, numbers and phones."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Role
from analytics.query import period_of
from crm import exporting
from crm.errors import InvalidInput
from crm.formfields import DayField, InnField, NumberField, PhoneField, PhonesField, read_day, read_moment
from deals.filters import DealFilter
from deals.models import Deal
from tests.factories import make_deal, make_user

MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31.12.2026", date(2026, 12, 31)),
        ("31.12.26", date(2026, 12, 31)),
        ("2026-12-31", date(2026, 12, 31)),
        ("31.12", date(2026, 12, 31)),
        ("1.3", date(2027, 3, 1)),
        ("Сегодня", MONDAY),
        ("завтра", date(2026, 3, 3)),
        ("через неделю", date(2026, 3, 9)),
        ("пн", date(2026, 3, 9)),
        ("пятницу", date(2026, 3, 6)),
        ("31.02.2026", None),
        ("когда-нибудь", None),
        ("", None),
    ],
)
def test_a_day_is_read_as_people_write_it(text: str, expected: date | None) -> None:
    assert read_day(text, MONDAY) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("завтра 15:00", datetime(2026, 3, 3, 15, 0, tzinfo=UTC)),
        ("31.12 в 9:30", datetime(2026, 12, 31, 9, 30, tzinfo=UTC)),
        ("31.12.2026, 09:30", datetime(2026, 12, 31, 9, 30, tzinfo=UTC)),
        ("2026-12-31T09:30", datetime(2026, 12, 31, 9, 30, tzinfo=UTC)),
        ("18:00", datetime(2026, 3, 2, 18, 0, tzinfo=UTC)),
        ("завтра", datetime(2026, 3, 3, 10, 0, tzinfo=UTC)),
        ("завтра 25:00", None),
        ("потом", None),
    ],
)
def test_a_moment_is_read_as_people_write_it(text: str, expected: datetime | None) -> None:
    assert read_moment(text, NOON) == expected


def test_numbers_take_commas_spaces_and_units() -> None:
    field = NumberField(max_digits=15, decimal_places=2, required=False)
    assert field.clean("1\u00a0234\u00a0567,80") == Decimal("1234567.80")  # as the browser shows it
    assert "data-grouped" in field.widget.attrs
    assert field.clean("1 234 567,80") == Decimal("1234567.80")
    assert field.clean("24 м") == Decimal(24)
    assert field.clean("") is None
    for wrong in ("много", "1e400", "NaN"):
        with pytest.raises(ValidationError):
            field.clean(wrong)


def test_phones_and_inns_are_checked() -> None:
    assert PhoneField().clean("8 (912) 345-67-89") == "+79123456789"
    assert PhonesField().clean("8 912 345 67 89, +7 495 123-45-67")
    assert InnField().clean("7707 083893") == "7707083893"
    for field, wrong in ((PhoneField(), "звоните вечером"), (PhonesField(), "123"), (InnField(), "7707083894")):
        with pytest.raises(ValidationError):
            field.clean(wrong)


@pytest.mark.rule("DATA-2")
@pytest.mark.parametrize("text", ["=1+1", "+7 912", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_begins_as_a_formula(text: str) -> None:
    assert exporting.neutral(text).startswith("'")
    assert exporting.neutral("ООО =1") == "ООО =1"


@pytest.mark.django_db
def test_a_day_is_drawn_as_text_in_the_same_spelling_whatever_the_browser() -> None:
    field = DayField(required=False)
    for shown in (date(2026, 11, 25), "2026-11-25", "25.11.2026"):
        html = field.widget.render("day", shown)
        assert 'value="25.11.2026"' in html
        assert 'type="text"' in html
    assert 'value="когда-нибудь"' in field.widget.render("day", "когда-нибудь")
    assert field.clean("25.11.2026") == field.clean("2026-11-25") == date(2026, 11, 25)
    with pytest.raises(ValidationError):
        field.clean("31.02.2026")


@pytest.mark.django_db
@pytest.mark.parametrize("day", ["02.03.2026", "2026-03-02"])
def test_filters_and_reports_take_days_written_out(clock: Any, day: str) -> None:
    head = make_user(Role.SALES_HEAD)
    deal = make_deal(head)
    for since, seen in ((day, True), ("03.03.2026", False)):
        found = DealFilter({"created_from": since}, queryset=Deal.objects.all())
        assert found.is_valid()
        assert (deal in found.qs) is seen
    for wrong in ("31.02.2026", "02.03", "завтра"):
        assert "created_from" in DealFilter({"created_from": wrong}, queryset=Deal.objects.all()).errors
    assert period_of("custom", day, "2026-12-31").start == date(2026, 3, 2)
    with pytest.raises(InvalidInput):
        period_of("custom", "31.02.2026")
