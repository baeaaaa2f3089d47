"""Real processes, killed in the middle of their work: nothing is done twice, nothing is lost silently."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from automation import engine
from automation.models import ScheduledRun
from communications import outbox
from communications.models import Message
from communications.services import message_queue, message_resend, message_settle
from crm import clock as product_clock
from crm.models import Activity
from tests.factories import make_client, make_deal, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("AUTO-2")]
ROOT = Path(__file__).resolve().parent.parent.parent
START = "import django; django.setup()\n"


def database_url() -> str:
    """The database of this very test, as another process finds it."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["TEST_DATABASE_URL"])._replace(path=f"/{name}").geturl()


@contextmanager
def process(code: str, tmp_path: Path, *arguments: object, **changes: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another Python process of the product at work on the test's database; killed in the end."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "crm.settings",
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": database_url(),
        "PYTHONPATH": str(ROOT),
        **changes,
    }
    started = subprocess.Popen(
        [sys.executable, "-c", START + code, *map(str, arguments)], env=environment, cwd=tmp_path
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait(10)


# One process that forks a worker for each letter; the worker kills itself with -9 at a certain point of its work.
DYING_SENDERS = """
import os, signal, smtplib, sys
from django.db.models import Q
from communications import outbox
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
def die_once_the_text_is_out(self, text):
    real_send(self, text)
    if b"the text" in (text if isinstance(text, bytes) else text.encode()):
        die()
real_send = smtplib.SMTP.send
POINTS = (
    (smtplib.SMTP, "mail", die),
    (smtplib.SMTP, "send", die_once_the_text_is_out),
    (outbox, "_finish", die),
)
for pk, (owner, name, instead) in zip(map(int, sys.argv[1:]), POINTS, strict=True):
    worker = os.fork()
    if not worker:
        setattr(owner, name, instead)
        outbox.send_due(only=Q(pk=pk))
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(worker, 0)[1]) == signal.SIGKILL
"""


@pytest.mark.rule("COM-1")
def test_letters_whose_senders_were_killed_are_neither_lost_nor_sent_twice(
    mail_server: Any, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    owner = make_user()
    deal = make_deal(owner, contact=make_client(owner))
    claimed, underway, answered = (
        message_queue(record=deal, contact=deal.contact, channel="email", by=owner, subject=name, text="the text").pk
        for name in ("claimed", "underway", "answered")
    )

    def arrived() -> list[str]:
        return [str(letter["Subject"]) for letter in mail_server.messages]

    def states() -> list[tuple[str, bool]]:
        rows = Message.objects.order_by("pk")
        return [(row.state, row.is_unsure) for row in rows]

    url = f"smtp://{mail_server.host}:{mail_server.port}"
    code = DYING_SENDERS
    with process(code, tmp_path, claimed, underway, answered, EMAIL_URL=url) as senders:
        assert senders.wait(60) == 0
    # The server takes what was said to the end, though nobody is there to hear its answer.
    wait_until(lambda: len(arrived()) == 2, what="the two letters whose text was out", seconds=10)
    assert outbox.send_due() == 0  # within the lease: the workers may be at it
    assert states() == [("sending", False)] * 3
    with product_clock.frozen(product_clock.now() + timedelta(minutes=11)) as _now:
        assert outbox.send_due() == 0
        product_clock.travel(minutes=1)
        assert outbox.send_due() == 1  # of which no byte was said leaves by itself, once
    assert sorted(arrived()) == ["answered", "claimed", "underway"]
    assert states() == [("sent", False), ("failed", True), ("failed", True)]
    # The window that is left: a person decides, and the client's programme sees one letter.
    message_resend(message_id=underway, by=owner)
    assert outbox.send_due() == 1
    twice = [letter["Message-ID"] for letter in mail_server.messages if letter["Subject"] == "underway"]
    assert twice[0] == twice[1]
    assert message_settle(message_id=answered, by=owner).state == "sent"
    assert outbox.send_due() == 0


SLOW_TASK = """
import time
from automation import actions, engine
from crm.models import Activity
real = actions.ACTIONS["create_task"].run
def slow(context):
    outcome = real(context)
    print("made", flush=True)
    open("made", "w").close()
    time.sleep(60)
    return outcome
actions.ACTIONS["create_task"] = actions.Action("create_task", "", slow)
engine.run_due()
"""


def test_a_run_whose_worker_was_killed_after_acting_is_done_once(
    tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    from automation.models import Rule

    owner = make_user()
    Rule.objects.create(
        code="later", name_ru="Позже", name_en="Later", pipeline_id="deal", stage_id="deal:costing", delay_days=1,
        trigger="stage_entered", action="create_task", params={"title_ru": "Позвонить"},
    )  # fmt: skip
    deal = make_deal(owner, stage="costing")
    # Late by minutes only: what is later waits for working hours, and this test runs at any hour.
    ScheduledRun.objects.update(due_at=datetime.now(UTC) - timedelta(minutes=5))
    with process(SLOW_TASK, tmp_path) as worker:
        wait_until((tmp_path / "made").exists, what="the task in the worker's transaction", seconds=40)
        worker.kill()
        worker.wait(10)
    time.sleep(0.2)  # the server needs a moment to see that the connection is gone
    assert not Activity.objects.filter(record_id=deal.pk).exists()
    assert ScheduledRun.objects.get().state == "running"
    with product_clock.frozen(product_clock.now() + timedelta(minutes=11)):
        engine.run_due()
        engine.run_due()
    assert Activity.objects.filter(record_type="deal", record_id=deal.pk).count() == 1
    assert ScheduledRun.objects.get().state == "done"
