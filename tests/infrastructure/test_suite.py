"""The suite's own promises: transactions, databases, mail, worker and clock behave as the product's would."""

import os
import smtplib
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import send_mail
from django.db import connection, transaction

from crm import clock as product_clock
from crm.celery import app
from crm.models import Pipeline
from tests.conftest import MailServer, on_postgres

ROOT = Path(__file__).resolve().parent.parent.parent


NOTED: list[str] = []


@app.task(name="tests.note")
def note(text: str) -> None:
    """A task that only the suite has."""
    NOTED.append(text)


class Undone(Exception):
    """Rolls a block back."""


@pytest.fixture
def calls() -> list[str]:
    """What the callbacks of a test have noted."""
    return []


@pytest.mark.django_db
class TestCallbacksAfterCommit:
    """They run where production would run them."""

    def test_they_run_when_the_outermost_block_ends(self, calls: list[str]) -> None:
        with transaction.atomic():
            with transaction.atomic():
                transaction.on_commit(lambda: calls.append("done"))
            assert calls == []

        assert calls == ["done"]

    def test_outside_of_a_block_they_run_at_once(self, calls: list[str]) -> None:
        transaction.on_commit(lambda: calls.append("done"))

        assert calls == ["done"]

    def test_those_of_an_undone_block_do_not_run(self, calls: list[str]) -> None:
        with suppress(Undone), transaction.atomic():
            transaction.on_commit(lambda: calls.append("never"))
            raise Undone

        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("done"))
        assert calls == ["done"]

    def test_those_of_an_undone_inner_block_do_not_run(self, calls: list[str]) -> None:
        with transaction.atomic():
            with suppress(Undone), transaction.atomic():
                transaction.on_commit(lambda: calls.append("never"))
                raise Undone
            transaction.on_commit(lambda: calls.append("done"))

        assert calls == ["done"]

    def test_one_may_schedule_another(self, calls: list[str]) -> None:
        def first() -> None:
            with transaction.atomic():
                transaction.on_commit(lambda: calls.append("second"))
                calls.append("first")

        transaction.on_commit(first)

        assert calls == ["first", "second"]

    def test_one_that_fails_stops_the_caller_unless_it_is_robust(self, calls: list[str]) -> None:
        def fail() -> None:
            raise Undone

        with transaction.atomic():
            transaction.on_commit(fail, robust=True)
            transaction.on_commit(lambda: calls.append("done"))
        assert calls == ["done"]

        with pytest.raises(Undone):
            transaction.on_commit(fail)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("again", [1, 2])
def test_a_committing_test_finds_the_rows_that_migrations_laid(again: int) -> None:
    assert Pipeline.objects.exists()


@pytest.mark.django_db
@pytest.mark.postgres
def test_the_postgresql_run_is_on_postgresql() -> None:
    assert connection.vendor == "postgresql"


@pytest.mark.django_db
def test_the_database_is_the_one_that_was_asked_for() -> None:
    assert (connection.vendor == "postgresql") is bool(os.environ.get("TEST_DATABASE_URL"))
    assert on_postgres() is (connection.vendor == "postgresql")


def test_letters_go_through_a_real_server(mail_server: MailServer) -> None:
    send_mail("Тема", "Текст письма", "crm@example.com", ["client@example.com"])

    letter: EmailMessage = mail_server.messages[0]
    assert (letter["To"], letter["Subject"]) == ("client@example.com", "Тема")


def test_the_server_can_refuse_a_letter(mail_server: MailServer) -> None:
    mail_server.refuse = "451 try later"

    with pytest.raises(smtplib.SMTPDataError, match="451"):
        send_mail("Тема", "Текст", "crm@example.com", ["client@example.com"])
    assert mail_server.messages == []


@pytest.mark.usefixtures("running_worker")
def test_the_worker_takes_a_message_from_the_broker(wait_until: Callable[..., None]) -> None:
    note.delay("done")

    wait_until(lambda: NOTED == ["done"], what="the worker")


def test_the_clock_stands_still_until_it_is_moved(clock: Any) -> None:
    before = product_clock.now()
    assert product_clock.now() == before

    clock.travel(days=60)

    assert product_clock.now() - before == timedelta(days=60)


def test_postgresql_runs_for_as_long_as_a_command(tmp_path: Path) -> None:
    script = "import os; print(os.environ['TEST_DATABASE_URL'])"
    ended = subprocess.run(
        [sys.executable, ROOT / "scripts" / "postgres.py", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )

    folder = Path(ended.stdout.strip().partition("host=")[2])
    assert folder.name == "data"
    assert not folder.exists()
