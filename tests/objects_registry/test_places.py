"""Objects by region and town, and the registry cut from–to: each number is that of the list behind it."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.models import DuplicateGroup
from objects_registry import duplicate_steps
from objects_registry.models import ConstructionObject, Purpose
from objects_registry.services import object_create
from tests.api.conftest import Caller
from tests.factories import make_user

pytestmark = pytest.mark.django_db
KAZAN = {"region": "Республика Татарстан", "city": "Казань"}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, language="en")


@pytest.fixture
def office(client: Client, head: Any) -> Client:
    client.force_login(head)
    return client


def make(by: Any, name: str, **data: Any) -> ConstructionObject:
    return object_create(by=by, data={"name": name, "width": Decimal(24), "length": Decimal(60), **data})


def listed(client: Client, url: str) -> int:
    """How many objects the list behind an address has."""
    page = client.get(url, headers={"HX-Request": "true"}).content.decode()
    found = re.search(r"pages-count num\">[^<]*?(\d+)</span>", page.replace("\xa0", ""))
    return int(found.group(1)) if found else 0


@pytest.mark.rule("OBJ-1", "ANA-8")
def test_each_number_opens_the_list_of_just_those_objects(office: Client, head: Any) -> None:
    for number in range(3):
        make(head, f"Склад {number}", **KAZAN)
    make(head, "Цех", region="Республика Татарстан", city="Набережные Челны")
    make(head, "Ангар", region="Республика Татарстан")
    make(head, "Навес", city="Тьмутаракань")
    make(head, "Ферма")
    page = office.get("/objects/places/").content.decode()
    links = re.findall(r'<td class="is-num"><a href="([^"]+)">(\d+)</a>', page)
    counts = [int(count) for _url, count in links]
    assert counts == [5, 3, 1, 1, 2, 1, 1], "the region, its towns, and last what has no region"
    assert [listed(office, unescape(url)) for url, _count in links] == counts
    assert "Region unknown" in page
    assert "Town unknown" in page


def test_the_filters_of_the_list_go_along(office: Client, head: Any) -> None:
    make(head, "Малый", width=Decimal(12), **KAZAN)
    make(head, "Большой", width=Decimal(36), **KAZAN)
    assert "/objects/places/?width_from=30" in office.get("/objects/?width_from=30&page=1").content.decode()
    page = office.get("/objects/places/?width_from=30").content.decode()
    links = re.findall(r'<td class="is-num"><a href="([^"]+)">(\d+)</a>', page)
    assert [int(count) for _url, count in links] == [1, 1]
    assert all("width_from=30" in url for url, _count in links)
    assert "Nothing fits the filter" in office.get("/objects/places/?width_from=100").content.decode()
    for odd in ("?width_from=x", "?region=%00", "?no_region=maybe", "?page=9&purpose=nothing"):
        assert office.get(f"/objects/places/{odd}").status_code == 200, odd


@pytest.mark.rule("ACC-1")
def test_nobody_counts_what_they_may_not_see(client: Client, head: Any) -> None:
    owner, stranger = make_user(), make_user()
    make(owner, "Свой", responsible=owner, **KAZAN)
    make(head, "Чужой", responsible=head, **KAZAN)
    seen = {}
    for name, person in (
        ("head", head),
        ("owner", owner),
        ("stranger", stranger),
        ("partner", make_user(Role.PARTNER)),
    ):
        client.force_login(person)
        page = client.get("/objects/places/").content.decode()
        answer = Caller(person).get("objects/places/")
        told = [(region["name"], region["count"]) for region in answer.json()]
        assert bool(told) == (">Казань</a>" in page), name
        seen[name] = told
    region = KAZAN["region"]
    assert seen == {"head": [(region, 2)], "owner": [(region, 1)], "stranger": [], "partner": []}


def test_the_api_counts_by_the_same_filters(head: Any) -> None:
    make(head, "Склад", height=Decimal(6), **KAZAN)
    make(head, "Цех", height=Decimal(12), region=KAZAN["region"])
    program = Caller(head)
    (region,) = program.get("objects/places/").json()
    assert (region["count"], region["area"]) == (2, "2880.00")
    assert [(city["name"], city["count"]) for city in region["cities"]] == [("", 1), ("Казань", 1)]
    assert program.get("objects/places/?height_from=10").json()[0]["count"] == 1
    assert program.get("objects/places/?colour=red").status_code == 400


@pytest.mark.rule("OBJ-1")
def test_the_registry_is_cut_from_and_to_by_every_number_and_the_start(office: Client, head: Any) -> None:
    values: dict[str, tuple[Any, Any]] = {
        "width": (Decimal(12), Decimal(36)), "length": (Decimal(24), Decimal(120)), "height": (Decimal(4), Decimal(12)),
        "area": (Decimal(288), Decimal(4320)), "tonnage": (Decimal(10), Decimal(200)),
        "construction_start": ("2026-05-01", "2027-05-01"),
    }  # fmt: skip
    small, large = ({name: pair[side] for name, pair in values.items()} for side in (0, 1))
    ids = [make(head, "Малый", **small).pk, make(head, "Большой", **large).pk]
    make(head, "Без размеров", width=None, length=None)
    program = Caller(head)
    for name, (low, high) in values.items():
        code = name.replace("construction_start", "start")
        assert program.ids(f"objects/?{code}_from={high}") == ids[1:], name
        assert program.ids(f"objects/?{code}_to={low}") == ids[:1], name
        assert sorted(program.ids(f"objects/?{code}_from={low}&{code}_to={high}")) == ids, name
        assert f'name="{code}_from"' in office.get("/objects/filter/").content.decode()
    assert office.get("/objects/?start_from=31.12.x").status_code == 200


@pytest.mark.rule("OBJ-6")
def test_the_search_finds_the_same_whatever_the_size_of_its_batches(head: Any, monkeypatch: Any) -> None:
    from crm.duplicate_scan import scan_run, scan_start

    purpose = Purpose.objects.first()
    for street in range(6):
        for width in (12, 24):
            place = {**KAZAN, "address": f"г. Казань, ул. Кленовая, {street}", "purpose": purpose}
            for length in (Decimal(60), Decimal("60.2")):
                make(head, f"Склад {street}", width=Decimal(width), length=length, **place)

    def found() -> set[tuple[int, ...]]:
        assert scan_run(scan_start(record_type="object", by=head).pk)
        groups = DuplicateGroup.objects.filter(record_type="object").prefetch_related("members")
        return {tuple(sorted(member.member_id for member in group.members.all())) for group in groups}

    whole = found()
    assert whole
    for size in (1, 3, 5):
        monkeypatch.setattr(duplicate_steps, "BATCH", size)
        assert found() == whole, size


@pytest.mark.rule("OBJ-6")
def test_a_pair_with_many_words_in_common_is_one_hit(head: Any) -> None:
    purpose = Purpose.objects.first()
    first, second = (
        make(head, "Склад", address=f"г. Казань, ул. Большая Кленовая, {house}", purpose=purpose, **KAZAN)
        for house in ("15", "15 корп. 2")
    )
    hits, _cursor = duplicate_steps.by_sides(None)
    assert [hit.ids for hit in hits] == [[first.pk, second.pk]]
