"""Two people at once: one hand-over, one merge; the other gets an answer, and nothing is doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Role
from crm import clock
from crm.errors import DomainError
from crm.merging import merge
from crm.models import Merge, Notification
from deals.models import Deal
from deals.services import deal_create
from objects_registry.models import ConstructionObject
from objects_registry.services import object_create, object_from_record
from partners.handoff import hand_over
from partners.models import Handoff
from partners.reminding import partner_remind
from tests.factories import make_user

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def both(*actions: Callable[[], Any]) -> list[Any]:
    """Do things at the same moment in threads; answers what came of them, refusals included."""
    gate, results = threading.Barrier(len(actions)), []

    def run(action: Callable[[], Any]) -> None:
        try:
            gate.wait(10)
            results.append(action())
        except DomainError as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == len(actions)
    return results


@pytest.mark.rule("PART-2")
def test_a_record_handed_over_twice_at_once_has_one_twin() -> None:
    manager, dealer = make_user(), make_user(Role.PARTNER)
    deal = deal_create(by=manager, data={"title": "Ангар"})
    results = both(*(lambda: hand_over(record=Deal.objects.get(pk=deal.pk), partner=dealer.partner, by=manager),) * 2)
    assert sum(isinstance(result, Handoff) for result in results) == 1
    assert Deal.objects.filter(origin=deal).count() == 1


@pytest.mark.rule("PART-4")
def test_two_who_remind_at_once_remind_once() -> None:
    head, dealer = make_user(Role.SALES_HEAD), make_user(Role.PARTNER)
    deal = deal_create(by=head, data={"title": "Ангар"})
    hand_over(record=deal, partner=dealer.partner, by=head)
    Deal.objects.filter(origin=deal).update(stage_entered_at=clock.now() - timedelta(days=9))
    assert sorted(both(*(lambda: partner_remind(by=head),) * 2)) == [0, 1]
    assert Notification.objects.filter(user=dealer, action="partner_reminded").count() == 1


@pytest.mark.rule("OBJ-4")
def test_two_merges_into_each_other_make_one() -> None:
    head = make_user(Role.SALES_HEAD)
    first, second = (object_create(by=head, data={"name": name}) for name in "АБ")
    results = both(
        lambda: merge(record_type="object", main_id=first.pk, other_ids=[second.pk], by=head),
        lambda: merge(record_type="object", main_id=second.pk, other_ids=[first.pk], by=head),
    )
    assert sum(isinstance(result, Merge) for result in results) == 1
    assert ConstructionObject.objects.alive().count() == 1


@pytest.mark.rule("OBJ-3")
def test_an_object_asked_for_twice_at_once_is_made_once() -> None:
    owner = make_user()
    deal = deal_create(by=owner, data={"title": "Ангар", "width": 24, "length": 60})
    results = both(*(lambda: object_from_record(Deal.objects.get(pk=deal.pk), by=owner),) * 2)
    assert ConstructionObject.objects.count() == 1
    assert len({result.pk for result in results}) == 1
