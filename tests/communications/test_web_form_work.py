"""The task that a visitor's browser solves: what it keeps out, and whom it lets through (COM-6)."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from communications.channels.webform import guards, work
from communications.models import Submission, WebForm
from leads.models import Lead

pytestmark = [pytest.mark.django_db, pytest.mark.rule("COM-6")]
SNIPPET, PAGE = "/api/v1/forms/site-key/submissions/", "/f/site-key/"
ANNA = {"name": "Анна", "phone": "8 912 345-67-89"}


@pytest.fixture(autouse=True)
def form(clock: Any) -> WebForm:
    return WebForm.objects.create(name="Сайт", key="site-key", asks_work=True)


def started() -> str:
    """The note of a page that was opened a minute ago."""
    return guards.started(seconds_ago=60)


def solved(note: str) -> str:
    """What a browser finds."""
    task = work.task_of(note)
    found = (
        next(nonce for nonce in count() if work.is_part(task, number, str(nonce))) for number in range(work.ROUNDS)
    )
    return ".".join(map(str, found))


def send(address: str, **fields: str) -> Any:
    return Client().post(address, {**ANNA, **fields})


def names() -> list[str]:
    return list(Lead.objects.order_by("pk").values_list("name", flat=True))


@pytest.mark.parametrize("address", [SNIPPET, PAGE])
def test_who_has_solved_it_is_taken(address: str) -> None:
    note = started()
    assert send(address, _started=note, _work=solved(note)).status_code in {202, 303}
    assert names() == ["Анна"]
    kept = Submission.objects.get()
    assert kept.meta["work"] == "done"
    assert "_work" not in Lead.objects.get().request_text


@pytest.mark.parametrize(
    "answer", ["0.0.0.0.0.0.0.0", "1", "x" * 100, "1" * 5000, "1.2.3.4.5.6.7.8.9", "٣.2.3.4.5.6.7.8"]
)
@pytest.mark.parametrize("address", [SNIPPET, PAGE])
def test_a_wrong_answer_is_held_back_and_the_next_one_joins_it(address: str, answer: str) -> None:
    refused = send(address, _started=started(), _work=answer)
    assert refused.status_code == 422
    assert names() == []
    held = Submission.objects.get()
    assert (held.state, held.meta["work"]) == ("held", "wrong")
    if address == PAGE:
        again = refused.content.decode().partition('name="_started" value="')[2].partition('"')[0]
    else:
        again = refused.json()["started"]
    assert send(address, _started=again, _work=solved(again)).status_code in {202, 303}
    assert names() == ["Анна"]


def test_what_was_kept_of_a_visit_is_a_repeat_of_what_is_taken_later() -> None:
    note = started()
    again = send(SNIPPET, _started=note, _work="1").json()["started"]
    send(SNIPPET, _started=again, _work=solved(again))
    assert list(Submission.objects.order_by("pk").values_list("state", flat=True)) == ["duplicate", "done"]


@pytest.mark.parametrize("address", [SNIPPET, PAGE])
def test_an_answer_is_good_for_one_post_and_for_its_repeats(address: str) -> None:
    note = started()
    answer = solved(note)
    for _time in range(2):
        assert send(address, _started=note, _work=answer).status_code in {202, 303}
    assert send(address, _started=note, _work=answer, name="Робот").status_code == 422
    assert names() == ["Анна"]


@pytest.mark.parametrize("address", [SNIPPET, PAGE])
def test_a_post_that_is_sent_back_has_not_used_it(address: str) -> None:
    note = started()
    answer = solved(note)
    assert send(address, _started=note, _work=answer, phone="вечером").status_code == 422
    assert send(address, _started=note, _work=answer).status_code in {202, 303}
    assert names() == ["Анна"]


def test_an_answer_grows_old(clock: Any) -> None:
    note = started()
    answer = solved(note)
    clock.travel(hours=25)
    assert send(SNIPPET, _started=note, _work=answer).status_code == 422


def test_the_answer_of_another_visit_is_none() -> None:
    answer = solved(started())
    assert send(SNIPPET, _started=started(), _work=answer).status_code == 422


@pytest.mark.parametrize("address", [SNIPPET, PAGE])
def test_without_scripts_it_works_until_there_are_too_many(address: str, monkeypatch: Any) -> None:
    monkeypatch.setitem(guards.WorklessThrottle.THROTTLE_RATES, "forms_without_work", "2/min")
    answers = []
    for number in range(3):
        client = Client(REMOTE_ADDR=f"10.0.0.{number}")
        answers.append(client.post(address, {**ANNA, "_started": started(), "message": str(number)}))
    assert [answer.status_code for answer in answers] in ([202, 202, 429], [303, 303, 429])
    assert int(answers[-1]["Retry-After"]) > 0
    assert names() == ["Анна", "Анна"]
    assert Submission.objects.get(state="held").meta["work"] == "none"


def test_plain_forms_and_forms_that_do_not_ask_are_let_be(form: WebForm, monkeypatch: Any) -> None:
    monkeypatch.setitem(guards.WorklessThrottle.THROTTLE_RATES, "forms_without_work", "1/min")
    assert [send(SNIPPET, message=str(number)).status_code for number in range(3)] == [202] * 3
    WebForm.objects.update(asks_work=False)
    for number in range(3):
        assert send(SNIPPET, message=f"x{number}", _started=started(), _work="1").status_code == 202
    assert "data-work" not in Client().get(PAGE).content.decode()
    assert Client().get(f"{PAGE}config.json").json()["work"] is None


def test_without_the_cache_nobody_is_refused(monkeypatch: Any) -> None:
    def away(*args: Any, **options: Any) -> Any:
        raise OSError("no cache")

    note = started()
    answer = solved(note)
    for name in ("add", "get", "delete"):
        monkeypatch.setattr(cache, name, away)
    assert send(SNIPPET, _started=note, _work=answer).status_code == 202


def test_page_and_snippet_know_the_task() -> None:
    page = Client().get(PAGE).content.decode()
    assert f'data-work="{work.ROUNDS} {work.BITS}"' in page
    told = Client().get(f"{PAGE}config.json").json()["work"]
    assert (told["rounds"], told["bits"]) == (work.ROUNDS, work.BITS)
    assert told["script"].startswith("http://testserver/static/js/work")
