"""Namesakes with different INNs: no group by name alone, and merged only when somebody says so expressly."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.clients import company_create
from crm.duplicate_groups import groups_of, with_records
from crm.duplicate_scan import scan_run, scan_start
from crm.merging import DifferentINNs, merge, undo_merge
from crm.models import Company, Merge
from leads.services import lead_create
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-14")]
FIRST, SECOND = "7707083893", "7736050003"


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, language="en")


def company(by: Any, name: str, inn: str = "", phones: str = "") -> Company:
    return company_create(by=by, data={"name": name, "inn": inn}, phones=phones)


def groups(kind: str, by: Any) -> list[tuple[set[int], bool]]:
    assert scan_run(scan_start(record_type=kind, by=by).pk)
    rows = with_records(groups_of(kind, by), kind, by)
    return [({record.pk for record in row["records"]}, row["group"].is_sure) for row in rows]


def test_a_name_alone_does_not_join_two_inns(head: Any) -> None:
    company(head, "ООО «Ромашка»", FIRST)
    company(head, "Ромашка, ЗАО", SECOND)
    assert groups("company", head) == []


def test_whoever_has_no_inn_may_be_either_of_them(head: Any) -> None:
    one, two, bare = company(head, "Ромашка", FIRST), company(head, "Ромашка", SECOND), company(head, "Ромашка")
    found = groups("company", head)
    assert sorted(map(sorted, (ids for ids, _sure in found))) == [[one.pk, bare.pk], [two.pk, bare.pk]]


def test_a_shared_phone_still_joins_them_and_one_inn_too(head: Any) -> None:
    one = company(head, "Ромашка", FIRST, "8 (495) 123-45-67")
    two = company(head, "Ромашка", SECOND, "8 (495) 123-45-67")
    three, four = company(head, "Василёк", "7702070139"), company(head, "Василек ООО", "7702070139")
    assert groups("company", head) == [({one.pk, two.pk}, True), ({three.pk, four.pk}, True)]


def test_leads_of_namesakes_stay_apart_too(head: Any) -> None:
    for inn in (FIRST, SECOND):
        lead_create(by=head, data={"title": "Склад", "company_name": "Ромашка", "inn": inn})
    assert groups("lead", head) == []


def test_the_window_warns_and_asks_for_a_tick_and_the_undo_brings_both_back(client: Client, head: Any) -> None:
    one, two = company(head, "Ромашка", FIRST), company(head, "Ромашка", SECOND)
    client.force_login(head)
    window = client.get("/companies/merge/", {"ids": f"{one.pk},{two.pk}"}).content.decode()
    assert f"different INNs: {FIRST}, {SECOND}" in window
    assert 'name="accept_different_inns"' in window
    data: dict[str, Any] = {"ids": [one.pk, two.pk], "main": one.pk}
    refused = client.post("/companies/merge/", data)
    assert refused.status_code == 422
    assert "different INNs" in refused.content.decode()
    assert Company.objects.alive().count() == 2
    assert client.post("/companies/merge/", {**data, "accept_different_inns": "1"}).status_code == 302
    assert list(Company.objects.alive()) == [one]
    undo_merge(merge_id=Merge.objects.get().pk, by=head)
    assert dict(Company.objects.alive().values_list("pk", "inn")) == {one.pk: FIRST, two.pk: SECOND}


def test_the_api_wants_the_flag(client: Client, head: Any) -> None:
    one, two = company(head, "Ромашка", FIRST), company(head, "Лютик", SECOND)
    client.force_login(head)
    body: dict[str, Any] = {"main": one.pk, "others": [two.pk]}
    looked = client.post("/api/v1/companies/merge/?dry_run=1", body, content_type="application/json").json()
    assert FIRST in looked["warning"]
    refused = client.post("/api/v1/companies/merge/", body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (422, "different_inns")
    assert refused.json()["errors"][0]["pointer"] == "/accept_different_inns"
    assert not Merge.objects.exists()
    done = client.post(
        "/api/v1/companies/merge/", body | {"accept_different_inns": True}, content_type="application/json"
    )
    assert done.status_code == 200


def test_nothing_is_asked_where_the_inns_do_not_differ(client: Client, head: Any) -> None:
    one, bare = company(head, "Ромашка", FIRST), company(head, "Ромашка")
    client.force_login(head)
    window = client.get("/companies/merge/", {"ids": f"{one.pk},{bare.pk}"}).content.decode()
    assert "accept_different_inns" not in window
    merge(record_type="company", main_id=bare.pk, other_ids=[one.pk], by=head)
    bare.refresh_from_db()
    assert bare.inn == FIRST


def test_a_service_refuses_too(head: Any) -> None:
    one, two = company(head, "Ромашка", FIRST), company(head, "Ромашка", SECOND)
    with pytest.raises(DifferentINNs):
        merge(record_type="company", main_id=one.pk, other_ids=[two.pk], by=head)
