"""A job over many records holds no lock for long: other people and workers get their turn meanwhile."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection

from accounts.models import Role, Team
from crm import bulk, jobs
from crm.models import ListJob
from leads.services import lead_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 2.5


def impatient() -> None:
    """Give up the wait for SQLite's lock sooner than a real process does."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.execute(f"PRAGMA busy_timeout={int(PATIENCE * 1000)}")


def in_thread(work: Any) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_somebody_else_writes_while_a_job_that_is_done_at_once_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, seen = threading.Event(), []

    def slowly(record: Any, by: Any, params: Any) -> None:
        begun.set()
        time.sleep(0.06)

    def write() -> None:
        impatient()
        begun.wait(10)
        Team.objects.create(name="Вторая смена")
        seen.append(ListJob.objects.get().is_over)

    monkeypatch.setitem(bulk.ACTIONS, "assign", slowly)
    monkeypatch.setattr(jobs, "LONGEST", 0.3)
    owner = make_user(Role.SALES_HEAD)
    lead = lead_create(by=owner, data={"name": "Пётр"})
    other = in_thread(write)
    # Longer in all than the other one waits.
    job = jobs.job_start(by=owner, kind="assign", rows=[("lead", lead.pk)] * 80, record_type="lead")
    other.join(20)
    assert (job.state, job.done) == ("done", 80)
    assert seen == [False]


def test_a_tick_that_finds_nothing_to_do_waits_for_nobody() -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        if connection.vendor == "sqlite":
            connection.ensure_connection()
            connection.connection.execute("BEGIN IMMEDIATE")
        held.set()
        done.wait(20)
        connection.close()

    writer = in_thread(hold)
    assert held.wait(10)
    impatient()
    begun = time.monotonic()
    try:
        assert jobs.run_due() == 0
        assert time.monotonic() - begun < PATIENCE
    finally:
        done.set()
        writer.join(20)


def test_a_chunk_ends_when_it_has_lasted_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "AT_ONCE", 0)
    monkeypatch.setattr(jobs, "LONGEST", 0)
    owner, heir = make_user(Role.SALES_HEAD), make_user()
    rows = [("lead", lead_create(by=owner, data={"name": "Пётр"}).pk) for _number in range(3)]
    job = jobs.job_start(by=owner, kind="assign", rows=rows, params={"responsible": heir.pk}, record_type="lead")
    assert jobs._chunk(job.pk)
    job.refresh_from_db()
    assert (job.position, job.done) == (1, 1)
    assert jobs.run_due() in {0, 1}
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done) == ("done", 3)
