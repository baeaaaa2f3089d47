"""The files of the reports: real numbers and days, above them the question, how it was counted, when and by whom."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pytest
from django.test import Client
from python_calamine import CalamineWorkbook

from accounts.models import Role
from crm import clock, stages
from tests.factories import make_client, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ANA-8")]
NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)


def test_what_was_asked_stands_above_real_numbers_and_days(client: Client) -> None:
    head = make_user(Role.SALES_HEAD, language="en", last_name="Петров", first_name="Пётр")
    client.force_login(head)
    with clock.frozen(NOW):
        deal = make_deal(head, contact=make_client(head), amount=Decimal("1234.50"))
        stages.move(deal, "contract_signed", by=head, override=True, reason="договор подписан сразу")
        asked = f"period=this_month&responsible={head.pk}"
        book = client.get(f"/reports/managers/?{asked}&format=xlsx")
        found = client.get(f"/reports/sources/?{asked}&model=first&format=csv").content.decode("utf-8-sig")
        by_call = client.get(f"/api/v1/reports/managers/?{asked}&as=xlsx")
    sheets = CalamineWorkbook.from_filelike(BytesIO(b"".join(book)))  # type: ignore[arg-type]
    for name in sheets.sheet_names:
        first, second, *_rows = sheets.get_sheet_by_name(name).to_python()
        assert first[0].startswith("Managers. ")
        assert "01.08.2026 – 01.08.2026; Manager: Петров" in first[0]
        assert second[0].startswith("Made 01.08.2026 15:00: Петров")
    money = sheets.get_sheet_by_index(1).to_python()
    heads, row = money[2], money[3]
    assert row[heads.index("Amount won")] == 1234.5
    months = sheets.get_sheet_by_index(2).to_python()
    assert months[3][0] == date(2026, 8, 1)
    assert "First touch" in found.splitlines()[0]
    assert by_call.status_code == 200
