"""Lists that are no list of records, as files: the same filter and rights as the page, safe to open (DATA-2)."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client
from python_calamine import CalamineWorkbook

from accounts.models import Role
from communications.models import Submission, WebForm
from crm import clock
from crm.models import Exclusion
from crm.services import activity_create
from deals.services import deal_update
from tests.factories import make_deal, make_partner, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("DATA-2")]


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def rows_of(client: Client, url: str) -> list[list[str]]:
    """The lines of a CSV without its head."""
    answer: Any = client.get(url)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8"), answer.content
    text = b"".join(answer) if answer.streaming else answer.content
    return list(csv.reader(io.StringIO(text.decode("utf-8-sig")), delimiter=";"))[1:]


def sheet_of(client: Client, url: str) -> list[list[Any]]:
    """All lines of an XLSX, the filter first."""
    answer: Any = client.get(url)
    assert answer.status_code == 200
    return CalamineWorkbook.from_filelike(io.BytesIO(b"".join(answer))).get_sheet_by_index(0).to_python()


@pytest.mark.rule("ACC-1")
def test_tasks_are_a_file_with_what_they_are_about_and_only_those_in_sight() -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger, partner = make_user(team=team), make_user(team=team), make_user(), make_user(Role.PARTNER)
    deal = make_deal(owner, title="Склад")
    for title in ("=Позвонить", "Замерить"):
        activity_create(deal, title=title, due_at=clock.now(), responsible=owner, by=owner)
    mine = rows_of(signed_in(owner), "/tasks/?as=csv")
    assert sorted((row[0], row[4]) for row in mine) == [("'=Позвонить", "Склад"), ("Замерить", "Склад")]
    assert len(rows_of(signed_in(mate), "/tasks/?as=csv&state=open")) == 2
    assert rows_of(signed_in(mate), "/tasks/?as=csv") == []
    for other in (stranger, partner):
        assert rows_of(signed_in(other), "/tasks/?as=csv&state=open") == []
    sheet = sheet_of(signed_in(owner), "/tasks/?as=xlsx")
    assert str(owner) in sheet[0][0]
    assert [row[0] for row in sheet[2:]] in (["=Позвонить", "Замерить"], ["Замерить", "=Позвонить"])
    assert "as=csv" in signed_in(owner).get("/tasks/").content.decode()


@pytest.mark.rule("ACC-5")
def test_the_audit_trail_is_a_file_for_heads_and_administrators() -> None:
    admin, owner = make_user(Role.ADMINISTRATOR), make_user()
    deal = make_deal(owner, title="Склад", amount=100)
    deal_update(deal, by=owner, data={"amount": 120})
    rows = rows_of(signed_in(admin), "/settings/audit/?as=csv&field=amount")
    assert (rows[0][1], rows[0][4], rows[0][7], rows[0][8]) == (str(owner), "Склад", "100", "120")
    assert "amount" in sheet_of(signed_in(admin), "/settings/audit/?as=xlsx&field=amount")[0][0]
    for other in (owner, make_user(Role.PARTNER)):
        assert signed_in(other).get("/settings/audit/?as=csv").status_code == 403


def test_settings_and_partners_are_files_as_filtered() -> None:
    admin = make_user(Role.ADMINISTRATOR, last_name="Админ")
    make_user(last_name="Менеджер", is_active=False)
    client = signed_in(admin)
    assert [row[0] for row in rows_of(client, "/settings/people/?as=csv&state=on")] == ["Админ Test"]
    Exclusion.objects.create(kind="phone", value="+79120001122", reason="Реклама", added_by=admin)
    assert rows_of(client, "/settings/exclusions/?as=csv&search=Реклама")[0][1] == "'+79120001122"
    assert rows_of(client, "/settings/exclusions/?as=csv&search=другое") == []
    form = WebForm.objects.create(name="Сайт")
    Submission.objects.create(form=form, body=b"", fields={"name": "Анна"}, state="failed", error="=Нет телефона")
    assert rows_of(client, "/settings/submissions/?as=csv")[0][3:5] == ["name: Анна", "'=Нет телефона"]
    partner = make_partner(name="Монтаж")
    assert [row[0] for row in rows_of(client, "/partners/?as=csv")] == [partner.name]
    assert [row[0] for row in rows_of(client, "/partners/control/?as=csv")] == [partner.name]
    for path in ("people", "exclusions", "submissions"):
        assert signed_in(make_user()).get(f"/settings/{path}/?as=csv").status_code == 403
    for path in ("/partners/", "/partners/control/"):
        assert signed_in(make_user()).get(f"{path}?as=csv").status_code == 403
        assert "as=xlsx" in client.get(path).content.decode()


def test_more_rows_than_a_file_takes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.screens.list_files.MOST", 1)
    admin = make_user(Role.ADMINISTRATOR)
    make_user()
    answer = signed_in(admin).get("/settings/people/?as=csv")
    assert answer.status_code == 422
    assert "не больше 1" in answer.content.decode().lower()


def test_a_report_is_a_csv_too_in_the_browser_and_by_the_api() -> None:
    head = make_user(Role.SALES_HEAD)
    make_deal(head, amount=5)
    client = signed_in(head)
    for url in ("/reports/funnel/?pipeline=deal&format=csv", "/api/v1/reports/funnel/?pipeline=deal&as=csv"):
        rows = rows_of(client, url)
        assert any(row and row[0] == "Получен запрос" for row in rows), url
    for path in ("/reports/refusals/?format=csv", "/reports/funnel/?mode=snapshot&format=csv"):
        assert rows_of(client, path)
    assert sheet_of(client, "/api/v1/reports/refusals/?as=xlsx")
    assert client.get("/api/v1/reports/funnel/?as=pdf").status_code == 400
