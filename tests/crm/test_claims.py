"""Workers share rows: the first free one, once, and nothing where nothing is free."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Q

from automation.engine import sweep
from automation.models import Rule, ScheduledRun
from crm import clock as time
from crm.claims import claim_one

pytestmark = pytest.mark.rule("AUTO-2")


def make_runs(number: int) -> list[ScheduledRun]:
    """So many rows that are due, the last made first in line."""
    rule = Rule.objects.order_by("pk")[0]
    return [
        ScheduledRun.objects.create(
            rule=rule, key=f"claim{at}", record_type="deal", record_id=at, due_at=time.now() - timedelta(minutes=at)
        )
        for at in range(1, number + 1)
    ]


def claim(*only: Q) -> int | None:
    free = ScheduledRun.objects.filter(*only, state="scheduled", due_at__lte=time.now()).order_by("due_at", "id")
    return claim_one(free, state="running", claimed_at=time.now(), attempts=F("attempts") + 1)


@pytest.mark.django_db
def test_rows_are_claimed_in_their_order_and_once(clock: Any) -> None:
    made = make_runs(3)
    assert [claim() for _number in range(4)] == [made[2].pk, made[1].pk, made[0].pk, None]
    for run in made:
        run.refresh_from_db()
        assert (run.state, run.attempts, run.claimed_at) == ("running", 1, time.now())


@pytest.mark.django_db
def test_only_what_is_asked_for_is_claimed(clock: Any) -> None:
    made = make_runs(2)
    assert claim(Q(record_id=1)) == made[0].pk
    assert claim(Q(pk__in=[])) is None
    assert claim(Q(record_id=1)) is None
    made[1].refresh_from_db()
    assert made[1].state == "scheduled"


@pytest.mark.django_db
@pytest.mark.postgres
def test_on_postgres_a_claim_is_one_statement(django_assert_num_queries: Any, clock: Any) -> None:
    make_runs(1)
    for expected in (True, False):
        with django_assert_num_queries(1):
            assert (claim() is not None) is expected


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_workers_at_once_claim_each_row_once() -> None:
    made, taken, start = make_runs(60), [], threading.Barrier(3)

    def work() -> None:
        start.wait()
        while (pk := claim()) is not None:
            taken.append(pk)
        connection.close()

    workers = [threading.Thread(target=work) for _number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == sorted(run.pk for run in made)


@pytest.mark.django_db
def test_rows_whose_worker_died_are_due_again(clock: Any) -> None:
    make_runs(2)
    first = claim()
    clock.travel(minutes=8)
    claim()
    clock.travel(minutes=3)
    assert sweep() == 1
    assert ScheduledRun.objects.get(pk=first).state == "scheduled"
