"""The same post sent again, processing that broke off, and "process again" (LEAD-2)."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from communications import processing, submissions
from communications.channels.webform.transport import parse
from communications.models import Submission, WebForm
from communications.tasks import process_submissions
from leads.models import Lead
from tests.factories import make_user

pytestmark = pytest.mark.django_db

BODY = {"name": "Анна", "phone": "89123456789", "message": "Нужен склад"}


@pytest.fixture
def form() -> WebForm:
    return make_form()


def make_form() -> WebForm:
    return WebForm.objects.create(name="Сайт", key="site-key")


def post(form: WebForm, body: dict[str, Any] = BODY, **headers: str) -> Any:
    url = reverse("form-submission", args=[form.key])
    return Client().post(url, json.dumps(body), content_type="application/json", headers=headers)


def store(form: WebForm, body: dict[str, Any] = BODY) -> Submission:
    raw = json.dumps(body).encode()
    parsed = parse(raw, "application/json")
    return submissions.submission_store(form=form, body=raw, content_type="application/json", parsed=parsed).submission


@pytest.mark.rule("LEAD-2")
def test_an_identical_post_within_a_minute_makes_one_lead_and_repeats_the_answer(form: WebForm, clock: Any) -> None:
    first = post(form)
    clock.travel(seconds=59)
    again = post(form)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert Lead.objects.count() == 1
    repeat = Submission.objects.get(state="duplicate")
    assert repeat.duplicate_of_id == first.json()["id"]
    assert json.loads(bytes(repeat.body)) == BODY


@pytest.mark.rule("LEAD-2")
def test_the_same_content_later_or_on_another_form_is_another_request(form: WebForm, clock: Any) -> None:
    post(form)
    post(WebForm.objects.create(name="Второй сайт"))
    clock.travel(seconds=61)
    post(form)
    assert Lead.objects.count() == 3


@pytest.mark.rule("LEAD-2")
def test_other_content_is_another_request(form: WebForm) -> None:
    post(form)
    post(form, {**BODY, "message": "Нужен ангар"})
    assert Lead.objects.count() == 2


@pytest.mark.rule("LEAD-2")
def test_an_idempotency_key_makes_one_lead_however_late(form: WebForm, clock: Any) -> None:
    first = post(form, **{"Idempotency-Key": "k1"})
    clock.travel(days=3)
    assert post(form, **{"Idempotency-Key": "k1"}).json() == first.json()
    assert post(form, **{"Idempotency-Key": "k2"}).json() != first.json()
    assert Lead.objects.count() == 2


@pytest.mark.rule("LEAD-2")
def test_a_key_used_for_other_content_is_not_lost_but_shown(form: WebForm) -> None:
    post(form, **{"Idempotency-Key": "always"})
    answer = post(form, {**BODY, "name": "Пётр", "phone": "89120000000"}, **{"Idempotency-Key": "always"})
    assert answer.status_code == 422
    kept = Submission.objects.get(pk=answer.json()["id"])
    assert kept.state == "failed"
    processing.submission_reprocess(kept, by=make_user(Role.SALES_HEAD))
    assert set(Lead.objects.values_list("name", flat=True)) == {"Анна", "Пётр"}


@pytest.mark.rule("LEAD-2")
def test_a_site_builders_transaction_makes_one_lead(form: WebForm, clock: Any) -> None:
    body = {**BODY, "tranid": "12:34"}
    post(form, body)
    clock.travel(hours=1)
    post(form, {**body, "COOKIES": "x=2"})
    clock.travel(days=1)
    post(form, body)
    assert Lead.objects.count() == 1
    assert Submission.objects.filter(state="duplicate").count() == 2


@pytest.mark.rule("LEAD-2")
def test_multipart_posts_with_other_boundaries_are_the_same_post(form: WebForm) -> None:
    url = reverse("form-submission", args=[form.key])
    for boundary in ("aaa", "bbb"):
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="phone"\r\n\r\n89123456789\r\n--{boundary}--\r\n'
        Client().post(url, part, content_type=f"multipart/form-data; boundary={boundary}")
    assert Lead.objects.count() == 1


@pytest.mark.rule("LEAD-2")
@pytest.mark.usefixtures("no_worker")
def test_what_was_stored_but_not_processed_is_taken_up_by_the_tick(form: WebForm) -> None:
    submission = store(form)
    assert process_submissions() == 1
    submission.refresh_from_db()
    assert (submission.state, submission.lead_id) == ("done", Lead.objects.get().pk)
    assert process_submissions() == 0


@pytest.mark.rule("LEAD-2")
@pytest.mark.usefixtures("no_worker")
def test_a_process_that_died_is_replaced_after_its_lease(form: WebForm, clock: Any) -> None:
    submission = store(form)
    Submission.objects.filter(pk=submission.pk).update(state="running", claimed_at=clock.now())
    assert process_submissions() == 0
    clock.travel(minutes=3)
    assert process_submissions() == 1
    assert Lead.objects.count() == 1


@pytest.mark.rule("LEAD-2")
@pytest.mark.usefixtures("no_worker")
def test_a_process_that_lost_its_claim_makes_nothing(form: WebForm, clock: Any, monkeypatch: Any) -> None:
    submission = store(form)
    make = processing._maker[0]

    def slow(*args: Any, **kwargs: Any) -> Any:
        Submission.objects.filter(pk=submission.pk).update(claimed_at=clock.now() + timedelta(minutes=5))
        return make(*args, **kwargs)

    monkeypatch.setattr(processing, "_maker", [slow])
    processing.submission_process(submission.pk)
    assert not Lead.objects.exists()


@pytest.mark.rule("LEAD-2")
def test_what_breaks_is_tried_again_and_then_shown(form: WebForm, clock: Any, monkeypatch: Any) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("disk full")

    make = list(processing._maker)
    monkeypatch.setattr(processing, "_maker", [broken])
    answer = post(form)
    assert (answer.status_code, answer.json()["status"]) == (202, "received")
    for _ in range(processing.MAX_ATTEMPTS - 1):
        assert process_submissions() == 0
        clock.travel(seconds=31)
        process_submissions()
    submission = Submission.objects.get()
    assert (submission.state, submission.attempts) == ("failed", processing.MAX_ATTEMPTS)
    assert "disk full" in submission.error
    head = make_user(Role.SALES_HEAD)
    assert list(submissions.needing_attention(head)) == [submission]
    monkeypatch.setattr(processing, "_maker", make)
    done = processing.submission_reprocess(submission, by=head)
    assert (done.state, done.error) == ("done", "")
    assert Lead.objects.count() == 1
    assert processing.submission_reprocess(done, by=head).lead_id == done.lead_id
    assert Lead.objects.count() == 1


@pytest.mark.rule("LEAD-2")
def test_process_again_reads_the_post_anew_with_the_forms_map_of_names(form: WebForm) -> None:
    post(form, {"field_17": "Анна", "token": "89123456789"})
    submission = Submission.objects.get()
    assert submission.state == "failed"
    form.field_map = {"field_17": "name", "token": "phone"}
    form.save()
    processing.submission_reprocess(submission, by=make_user(Role.SALES_HEAD))
    assert Lead.objects.get().name == "Анна"


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize(
    ("role", "count"),
    [(Role.SALES_HEAD, 1), (Role.ADMINISTRATOR, 1), (Role.SALES_MANAGER, 0), (Role.CALL_CENTER, 0), (Role.PARTNER, 0)],
)
def test_only_those_who_steer_see_what_needs_attention(form: WebForm, role: str, count: int) -> None:
    post(form, {"name": "Анна"})
    assert submissions.needing_attention(make_user(role)).count() == count


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("LEAD-2")
@pytest.mark.parametrize("kind", ["content", "key", "transaction"])
def test_twenty_equal_posts_at_once_make_one_lead(kind: str) -> None:
    form = make_form()
    headers = {"Idempotency-Key": "one-key"} if kind == "key" else {}
    body = {**BODY, "tranid": "12:34"} if kind == "transaction" else BODY
    answers: list[Any] = []
    start = threading.Barrier(20)

    def run() -> None:
        try:
            start.wait(20)
            answers.append(post(form, body, **headers))
        except Exception as error:
            answers.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers if answer.status_code != 202] == []
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Lead.objects.count() == 1
    assert Submission.objects.count() == 20
