"""Two transactions that stand in each other's way: one goes on, the other's person is asked to try again (PIPE-6)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from crm import services
from crm.errors import StageConflict, lost_race
from crm.models import Company, Contact
from crm.rows import row
from deals.services import deal_create
from tests.factories import make_client, make_company, make_user

pytestmark = pytest.mark.rule("PIPE-6")


class Deadlock(Exception):
    """What the driver of PostgreSQL raises."""

    sqlstate = "40P01"


def failing(error: Exception, cause: Exception | None = None) -> Callable[..., Any]:
    def fail(*_args: Any, **_options: Any) -> Any:
        raise error from cause

    return fail


@pytest.mark.django_db
@pytest.mark.parametrize("htmx", [{}, {"headers": {"HX-Request": "true"}}], ids=["plain", "htmx"])
def test_a_page_that_lost_the_race_asks_to_try_again(
    monkeypatch: pytest.MonkeyPatch, client: Client, htmx: Any
) -> None:
    manager = make_user(language="en")
    deal = deal_create(by=manager, data={"title": "Ангар"})
    client.force_login(manager)
    monkeypatch.setattr("crm.services.note_add", failing(OperationalError("x"), Deadlock()))
    answer = client.post(reverse("deal-note", args=[deal.pk]), {"text": "Перезвонить"}, follow=not htmx, **htmx)
    assert "Nothing was changed: try again" in answer.content.decode()
    assert answer.status_code == (409 if htmx else 200)


@pytest.mark.django_db
def test_the_api_answers_a_lost_race_with_409_and_other_errors_as_they_are() -> None:
    assert lost_race(OperationalError("database is locked")) is not None
    with_cause = OperationalError("deadlock detected")
    with_cause.__cause__ = Deadlock()
    assert isinstance(lost_race(with_cause), StageConflict)
    for other in (OperationalError("disk I/O error"), DatabaseError("database is locked"), ValueError("40P01")):
        assert lost_race(other) is None


@pytest.mark.postgres
@pytest.mark.rule("DEAL-12")
@pytest.mark.django_db(transaction=True)
def test_a_company_and_its_contact_handed_over_at_once_end_in_step() -> None:
    """Each has locked its own record and needs the other's: PostgreSQL undoes one of the two."""
    head, owner, first, second = make_user(Role.SALES_HEAD), make_user(), make_user(), make_user()
    firm = make_company(owner)
    person = make_client(owner, company=firm)
    gate, conflicts = threading.Barrier(2), []

    def hand(model: Any, pk: int, heir: Any) -> None:
        try:
            with transaction.atomic():
                record = row(model, pk, lock=True)
                gate.wait(10)
                services.record_assign(record, responsible=heir, by=head)
        except OperationalError as error:
            conflicts.append(lost_race(error))
        finally:
            connection.close()

    threads = [
        threading.Thread(target=hand, args=args) for args in ((Company, firm.pk, first), (Contact, person.pk, second))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(conflicts) == 1
    assert isinstance(conflicts[0], StageConflict)
    firm, person = Company.objects.get(pk=firm.pk), Contact.objects.get(pk=person.pk)
    assert firm.responsible_id == person.responsible_id
    assert firm.responsible_id in {first.pk, second.pk}
