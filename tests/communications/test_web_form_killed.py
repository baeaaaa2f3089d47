"""A real server process killed between keeping a post and making its lead (LEAD-2)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from communications.models import Submission, WebForm
from communications.tasks import process_submissions
from crm import clock as product_clock
from leads.models import Lead
from tests.automation.test_killed_workers import process

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("LEAD-2")]

# The web process as it is, but for a long time between the two steps, or after the lead and before the commit.
SLOW_WEB = """
import json, sys, time
from django.test import Client
from communications import submissions
step = "{step}"
make, store = submissions._maker[0], submissions.submission_store
def stop(*args, **kwargs):
    made = make(*args, **kwargs) if step == "made" else None
    open("reached", "w").close()
    time.sleep(60)
submissions._maker[:] = [stop]
body = {body!r}
url = "/api/v1/forms/site-key/submissions/"
Client(headers={{"host": "localhost"}}).post(url, body, content_type="application/json")
"""
BODY = json.dumps({"name": "Анна", "phone": "89123456789", "message": "Нужен склад"})


@pytest.mark.parametrize("step", ["stored", "made"])
def test_a_post_whose_process_was_killed_becomes_one_lead_after_the_restart(
    step: str, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    WebForm.objects.create(name="Сайт", key="site-key")
    with process(SLOW_WEB.format(step=step, body=BODY), tmp_path) as web:
        wait_until((tmp_path / "reached").exists, what="the kept post", seconds=60)
        web.kill()
        web.wait(10)
    submission = Submission.objects.get()
    assert (submission.state, bytes(submission.body).decode()) == ("running", BODY)
    assert not Lead.objects.exists()
    assert process_submissions() == 0, "the lease of the one that was killed is not over"
    with product_clock.frozen(product_clock.now()) as _:
        product_clock.travel(minutes=3)
        workers = [threading.Thread(target=_tick) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
    submission.refresh_from_db()
    assert (submission.state, submission.lead_id) == ("done", Lead.objects.get().pk)
    assert process_submissions() == 0


def _tick() -> None:
    from django.db import connection

    try:
        process_submissions()
    finally:
        connection.close()
