"""A worker killed between the keeping of a post and its lead, or before the lead is committed (LEAD-2)."""

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

# The post is taken as it is; the worker stands still before it makes the lead, or before the commit.
SLOW_WORKER = """
import time
from django.test import Client
from communications import calling, processing
from communications.tasks import process_received
make = processing._maker[0]
def stop(*args, **kwargs):
    if "{step}" == "made":
        make(*args, **kwargs)
    open("reached", "w").close()
    time.sleep(60)
processing._maker[:] = [stop]
calling.call_worker = lambda: None
body = {body!r}
url = "/api/v1/forms/site-key/submissions/"
answer = Client(headers={{"host": "localhost"}}).post(url, body, content_type="application/json")
assert answer.status_code == 202
process_received()
"""
BODY = json.dumps({"name": "Анна", "phone": "89123456789", "message": "Нужен склад"})


@pytest.mark.parametrize("step", ["stored", "made"])
def test_a_post_whose_process_was_killed_becomes_one_lead_after_the_restart(
    step: str, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    WebForm.objects.create(name="Сайт", key="site-key")
    with process(SLOW_WORKER.format(step=step, body=BODY), tmp_path) as worker:
        wait_until((tmp_path / "reached").exists, what="the kept post", seconds=60)
        worker.kill()
        worker.wait(10)
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
