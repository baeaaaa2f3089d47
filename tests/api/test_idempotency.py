"""One call, sent several times, is done once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from crm import clock
from crm.api.idempotency import forget_old_keys
from crm.models import Contact, IdempotencyKey
from crm.nightly import JOBS
from deals.services import deal_create
from tests.api.conftest import Caller
from tests.factories import make_user

KEY = "Idempotency-Key"


@pytest.mark.django_db
@pytest.mark.rule("DATA-3")
def test_a_repeated_call_gets_the_first_answer(caller: Any) -> None:
    program = caller(make_user())
    first = program.post("contacts/", {"last_name": "Ким"}, **{KEY: "a-1"})
    again = program.post("contacts/", {"last_name": "Ким"}, **{KEY: "a-1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert again["ETag"] == first["ETag"]
    assert program.post("contacts/", {"last_name": "Ким"}, **{KEY: "a-2"}).json()["id"] != first.json()["id"]


@pytest.mark.django_db
@pytest.mark.rule("DATA-3")
def test_a_key_belongs_to_one_call_of_one_person(caller: Any) -> None:
    program, other = caller(make_user()), caller(make_user())
    program.post("contacts/", {"last_name": "Ким"}, **{KEY: "a"})
    for path, body in (("contacts/", {"last_name": "Пак"}), ("companies/", {"last_name": "Ким"})):
        answer = program.post(path, body, **{KEY: "a"})
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert other.post("contacts/", {"last_name": "Пак"}, **{KEY: "a"}).status_code == 201
    assert Contact.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.rule("DATA-3")
def test_a_refused_call_can_be_mended_under_the_same_key(caller: Any) -> None:
    program = caller(make_user())
    deal = deal_create(by=program.user, data={"title": "Склад"})
    assert program.post("contacts/", {"last_name": ""}, **{KEY: "a"}).status_code == 400
    assert program.post("contacts/", {"last_name": "Ким"}, **{KEY: "a"}).status_code == 201
    move = f"deals/{deal.pk}/move/"
    assert program.post(move, {"to": "costing"}, **{KEY: "b"}).status_code == 422
    wish = {"to": "proposal_sent", "data": {"amount": 5}}
    assert [program.post(move, wish, **{KEY: "b"}).json()["version"] for _time in range(3)] == [3, 3, 3]


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ключ".encode().decode("latin-1")])
def test_a_key_that_cannot_be_kept_is_refused(caller: Any, key: str) -> None:
    answer = caller(make_user()).post("contacts/", {"last_name": "Ким"}, **{KEY: key})
    assert answer.status_code == 400
    assert not Contact.objects.exists()


@pytest.mark.django_db
def test_the_answer_shows_what_the_rules_did_with_and_without_a_key(caller: Any) -> None:
    program = caller(make_user())
    plain = program.post("leads/", {"name": "Ким"}).json()
    keyed = program.post("leads/", {"name": "Ким"}, **{KEY: "a"}).json()
    assert plain["stage"] == keyed["stage"] == program.get(f"leads/{keyed['id']}/").json()["stage"]
    assert program.post("leads/", {"name": "Ким"}, **{KEY: "a"}).json() == keyed


@pytest.mark.django_db
def test_a_repeated_call_is_told_the_way_back_too(caller: Any) -> None:
    program, heir = caller(make_user()), make_user()
    deal = deal_create(by=program.user, data={"title": "Склад", "responsible": program.user})
    calls = [program.post(f"deals/{deal.pk}/assign/", {"responsible": heir.pk}, **{KEY: "a"}) for _time in range(2)]
    assert calls[1]["Idempotent-Replayed"] == "true"
    assert calls[0]["Undo-Location"] == calls[1]["Undo-Location"]
    back = [program.post(calls[1]["Undo-Location"], **{KEY: "b"}) for _time in range(2)]
    assert [answer.status_code for answer in back] == [200, 200]
    assert back[1]["Idempotent-Replayed"] == "true"
    assert program.get(f"deals/{deal.pk}/").json()["responsible"] == program.user.pk


@pytest.mark.django_db
def test_old_keys_are_forgotten(caller: Any) -> None:
    caller(make_user()).post("contacts/", {"last_name": "Ким"}, **{KEY: "a"})
    assert forget_old_keys() == 0
    assert JOBS["answers kept for repeated calls"] is forget_old_keys
    IdempotencyKey.objects.update(created_at=clock.now() - timedelta(days=3))
    assert forget_old_keys() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("DATA-3")
def test_twenty_at_once_make_one_record() -> None:
    program = Caller(make_user())
    answers: list[Any] = []
    start = threading.Barrier(20)

    def send() -> None:
        try:
            mine = Caller.__new__(Caller)
            mine.__dict__.update(program.__dict__, client=type(program.client)())
            start.wait(20)
            answers.append(mine.post("contacts/", {"last_name": "Ким"}, **{KEY: "same"}))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [201] * 20
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Contact.objects.count() == 1
    assert sum("Idempotent-Replayed" in answer for answer in answers) == 19
