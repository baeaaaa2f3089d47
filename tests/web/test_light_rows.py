"""Lists and boards read the columns that they show and no others: nothing of a row is fetched behind its back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import crm.urls  # noqa: F401 - the screens register themselves with their views
from accounts.models import Role, User
from crm import clock, scope
from crm.models import RecordType, RefusalReason, Source, Tag
from crm.screens import cells, registry
from crm.screens.light import light
from crm.services import activity_create
from leads.services import lead_create
from objects_registry.models import Purpose
from objects_registry.services import object_create
from tests.factories import make_client, make_company, make_deal, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def head() -> User:
    """A head in a company with two of everything, all fields filled that a list can show."""
    person = make_user(Role.SALES_HEAD)
    for number in range(2):
        building = {
            "purpose": Purpose.objects.order_by("order")[number], "width": 24, "length": 60 + number, "height": 6,
            "city": "Тверь", "region": "Тверская область",
        }  # fmt: skip
        source = Source.objects.order_by("order")[number]
        company = make_company(person, name=f"ООО «Альфа {number}»", city="Тверь", source=source)
        contact = make_client(person, company=company)
        deal = make_deal(person, contact=contact, company=company, source=source, amount=1000 + number, **building)
        deal.tags.add(Tag.objects.create(name=f"Метка {number}"))
        type(deal).objects.filter(pk=deal.pk).update(refusal_reason=RefusalReason.objects.order_by("pk")[number])
        lead_create(by=person, data={"name": f"Анна {number}", "source": source, **building}, phones="+79160000001")
        object_create(by=person, data={"name": f"Склад {number}", "address": "Тверь, Заводская, 5", **building})
        activity_create(deal, title="Позвонить", due_at=clock.now(), responsible=person, by=person)
    return person


def drawn(screen: registry.Screen, columns: list[registry.Column], head: User) -> int:
    """How many queries the rows of these columns take; the rows' catalogues are read before."""
    rows: Any = screen.model._default_manager.visible_to(head)  # type: ignore[attr-defined]
    with scope.opened():
        warm(screen, head)
        with CaptureQueriesContext(connection) as seen:
            found = list(light(screen, rows.order_by("pk"), columns))
            labels = cells.labels_of(columns)
            for row in found:
                cells.row_html(screen, columns, row, clock.now(), labels)
        assert len(found) >= 2
    return len(seen) - sum(len(column.prefetch) for column in columns)


def warm(screen: registry.Screen, head: User) -> None:
    """Read what the whole request shares: stages, sources, purposes."""
    rows: Any = screen.model._default_manager.visible_to(head)  # type: ignore[attr-defined]
    for row in rows:
        assert row.stage_row
        assert str(getattr(row, "source", "")) is not None
        assert str(getattr(row, "purpose", "")) is not None


@pytest.mark.parametrize("kind", RecordType.values)
def test_every_column_is_drawn_from_one_query(kind: str, head: User) -> None:
    screen = registry.of(kind)
    for column in screen.columns:
        assert drawn(screen, [screen.main, column], head) == 1, column.key
    assert drawn(screen, list(screen.columns), head) == 1


@pytest.mark.parametrize("kind", RecordType.values)
def test_a_card_of_a_board_is_drawn_from_one_query(kind: str, head: User) -> None:
    screen = registry.of(kind)
    rows: Any = screen.model._default_manager.visible_to(head)  # type: ignore[attr-defined]
    with scope.opened():
        warm(screen, head)
        with CaptureQueriesContext(connection) as seen:
            for row in light(screen, rows):
                assert str(row.responsible)
                assert {key: str(value) for key, value in screen.board_card(row).items()}
    assert len(seen) == 1
