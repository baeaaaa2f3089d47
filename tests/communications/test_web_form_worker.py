"""The sender has the answer once the post is stored; a worker, called at once, makes the lead (LEAD-2)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from communications import calling, processing
from communications.channels.webform.transport import parse
from communications.models import Submission, WebForm
from communications.submissions import submission_store
from communications.tasks import process_received, process_submissions
from crm.exclusions import exclusion_add
from crm.models import Exclusion
from leads.models import Lead
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-2"), pytest.mark.usefixtures("no_worker")]

BODY = {"name": "Анна", "phone": "89123456789", "message": "Нужен склад"}


@pytest.fixture
def form() -> WebForm:
    return WebForm.objects.create(name="Сайт", key="site-key")


def post(body: dict[str, Any] = BODY, **headers: str) -> Any:
    url = "/api/v1/forms/site-key/submissions/"
    return Client().post(url, json.dumps(body), content_type="application/json", headers=headers)


def store(form: WebForm, number: int) -> Submission:
    raw = json.dumps({**BODY, "phone": f"8912345{number:04d}"}).encode()
    parsed = parse(raw, "application/json")
    return submission_store(form=form, body=raw, content_type="application/json", parsed=parsed).submission


def run_workers(count: int, done: list[int]) -> None:
    """So many workers at once, each with a connection of its own; `done` gets how many leads each has made."""
    start = threading.Barrier(count)

    def work() -> None:
        try:
            start.wait(20)
            done.append(process_received())
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)


def test_the_answer_does_not_wait_for_the_lead_and_is_the_same_when_asked_again(form: WebForm) -> None:
    first = post()
    kept = Submission.objects.get()
    assert (first.status_code, first.json()) == (202, {"id": kept.pk, "status": "received"})
    assert (kept.state, kept.claimed_at, Lead.objects.count()) == ("received", None, 0)
    assert process_received() == 1
    again = post()
    assert (again.status_code, again.json()) == (202, first.json())
    assert Lead.objects.count() == 1


@pytest.mark.parametrize("header", ["wait", "wait=10", "respond-async, WAIT=5; x=1"])
def test_who_wants_to_wait_has_the_lead_with_the_answer(form: WebForm, header: str) -> None:
    answer = post(Prefer=header)
    assert (answer.status_code, answer.json()["status"]) == (201, "processed")
    assert answer["Preference-Applied"] == "wait"
    assert Submission.objects.get().lead_id == Lead.objects.get().pk
    assert process_received() == 0


def test_who_waits_with_a_post_that_is_still_waiting_has_its_lead_made(form: WebForm) -> None:
    first = post()
    again = post(Prefer="wait")
    assert (again.status_code, again.json()) == (201, {"id": first.json()["id"], "status": "processed"})
    assert Lead.objects.count() == 1


def test_a_post_that_nobody_can_answer_is_refused_at_once(form: WebForm) -> None:
    for headers in ({}, {"Prefer": "wait"}):
        answer = post({"name": "Анна", "phone": "звоните вечером"}, **headers)
        assert answer.status_code == 422
        assert {row["pointer"] for row in answer.json()["errors"]} == {"/phone", "/email"}
    assert set(Submission.objects.values_list("state", flat=True)) == {"failed", "duplicate"}
    assert process_received() == 0


@pytest.mark.rule("LEAD-15")
def test_whoever_is_excluded_gets_the_answer_that_everybody_gets(form: WebForm) -> None:
    usual = post({**BODY, "phone": "89120000000"})
    exclusion_add(kind=Exclusion.Kind.PHONE, value="89123456789", reason="спам", by=make_user("sales_head"))
    answer = post()
    assert (answer.status_code, answer.json()["status"]) == (usual.status_code, usual.json()["status"])
    process_received()
    assert Submission.objects.get(pk=answer.json()["id"]).state == "held"


def test_many_posts_call_once_and_the_next_one_calls_again(form: WebForm, monkeypatch: Any) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(process_received, "apply_async", lambda **options: calls.append(options))
    for number in range(5):
        store(form, number)
    assert len(calls) == 1
    assert process_received() == 5
    store(form, 9)
    assert len(calls) == 2


def test_without_a_broker_the_lead_is_made_in_the_request(form: WebForm, monkeypatch: Any) -> None:
    tried: list[int] = []

    def away(**options: Any) -> None:
        tried.append(1)
        raise OSError("no broker")

    monkeypatch.setattr(process_received, "apply_async", away)
    assert post().status_code == 202
    cache.delete(calling.CALLED)
    assert post({**BODY, "phone": "89120000001"}).status_code == 202
    assert len(tried) == 1, "nobody waits for the broker at every post"
    assert Lead.objects.count() == 2
    assert process_submissions() == 0


def test_without_a_cache_the_lead_is_made_in_the_request(form: WebForm, settings: Any) -> None:
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "unix:///nowhere/valkey.sock"}}
    assert post().status_code == 202
    assert Lead.objects.count() == 1


def test_what_waits_in_vain_for_a_worker_is_made_with_the_next_posts(form: WebForm, monkeypatch: Any) -> None:
    for number in range(3):
        store(form, number)
    assert Lead.objects.count() == 0
    later = time.time() + calling.LATE + 1
    monkeypatch.setattr(calling.time, "time", lambda: later)
    post({**BODY, "phone": "89120000001"})
    assert list(Lead.objects.order_by("pk").values_list("phone", flat=True)) == ["+79123450000", "+79123450001"]
    post({**BODY, "phone": "89120000002"})
    assert Lead.objects.count() == 4


def test_a_post_that_breaks_does_not_hold_up_the_others(form: WebForm, monkeypatch: Any) -> None:
    make = processing._maker[0]

    def broken(request: Any, **options: Any) -> Any:
        if request.phones[0].endswith("0002"):
            raise RuntimeError("a bug")
        return make(request, **options)

    monkeypatch.setattr(processing, "_maker", [broken])
    kept = [store(form, number) for number in range(4)]
    assert process_received() == 3
    assert list(Lead.objects.order_by("pk").values_list("phone", flat=True)) == [
        "+79123450000", "+79123450001", "+79123450003",
    ]  # fmt: skip
    kept[2].refresh_from_db()
    assert (kept[2].state, kept[2].attempts) == ("received", 1)


def test_a_lead_of_many_costs_less_than_one_alone(form: WebForm) -> None:
    def statements(count: int, first: int) -> int:
        for number in range(count):
            store(form, first + number)
        with CaptureQueriesContext(connection) as seen:
            assert process_received() == count
        return len([row for row in seen.captured_queries if row["sql"].startswith(("SELECT", "INSERT", "UPDATE"))])

    statements(1, 0)  # what is prepared once per process
    alone, many = statements(1, 100), statements(20, 200)
    assert many < 20 * (alone - 6), (alone, many / 20)


@pytest.mark.django_db(transaction=True)
def test_a_worker_makes_the_lead_right_after_the_post(
    form: WebForm, running_worker: Any, wait_until: Callable[..., None]
) -> None:
    post()
    wait_until(Lead.objects.exists, what="the lead of the post")
    wait_until(lambda: Submission.objects.get().state == "done", what="the end of its processing")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_post_whose_repeat_is_just_being_written_is_not_passed_over(form: WebForm) -> None:
    kept = store(form, 1)
    done: list[int] = []
    with transaction.atomic():
        Submission.objects.create(form=form, body=b"", state="duplicate", duplicate_of=kept)
        connection.check_constraints()  # Now, and not with the commit: the lock is held until then.
        run_workers(1, done)
    assert done == [1]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_share_what_waits(form: WebForm) -> None:
    for number in range(50):
        store(form, number)
    taken: list[int] = []
    run_workers(2, taken)
    assert sum(taken) == 50
    assert min(taken) > 0
    assert Lead.objects.count() == 50
