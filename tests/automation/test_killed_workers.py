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
from communications.services import message_queue
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
def process(code: str, tmp_path: Path, **changes: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another Python process of the product at work on the test's database; killed in the end."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "crm.settings",
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": database_url(),
        "PYTHONPATH": str(ROOT),
        **changes,
    }
    started = subprocess.Popen([sys.executable, "-c", START + code], env=environment, cwd=tmp_path)
    try:
        yield started
    finally:
        started.kill()
        started.wait(10)


def test_a_letter_whose_sender_was_killed_is_shown_not_repeated(
    mail_server: Any, tmp_path: Path, wait_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = make_user()
    deal = make_deal(owner, contact=make_client(owner))
    message = message_queue(record=deal, contact=deal.contact, channel="email", by=owner, text="Здравствуйте")
    arrived: list[int] = []

    async def take_and_never_answer(server: Any, session: Any, envelope: Any) -> str:
        import asyncio

        arrived.append(1)
        await asyncio.sleep(30)
        return "250 OK"

    monkeypatch.setattr(mail_server, "handle_DATA", take_and_never_answer, raising=True)
    url = f"smtp://{mail_server.host}:{mail_server.port}"
    with process("from communications import outbox; outbox.send_due()", tmp_path, EMAIL_URL=url) as sender:
        wait_until(lambda: arrived, what="the text of the letter at the mail server", seconds=40)
        sender.kill()
        sender.wait(10)
    monkeypatch.undo()
    assert outbox.send_due() == 0
    assert Message.objects.get(pk=message.pk).state == "sending"
    with product_clock.frozen(product_clock.now() + timedelta(minutes=11)):
        assert outbox.send_due() == 0
    message.refresh_from_db()
    assert (message.state, message.is_unsure) == ("failed", True)
    assert mail_server.messages == []


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
