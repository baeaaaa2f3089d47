"""The page that a load balancer and Compose ask, and the check of the processes that serve no page."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from communications.models import Submission, WebForm
from crm import clock as product_clock
from crm import health
from crm.celery import app
from crm.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_cache(settings: Any) -> None:
    """A cache whose server is away."""
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "unix:///nowhere/valkey.sock"}}


def test_it_says_that_all_parts_work(client: Client) -> None:
    health.note_tick()

    answer = client.get("/healthz")

    assert answer.status_code == 200
    told = answer.json()
    assert told.pop("last_tick_seconds") <= 5
    assert told.pop("status") == "ok"
    assert told.pop("row_security", None) is (True if connection.vendor == "postgresql" else None)
    assert told == {
        "database": True, "cache": True, "outbox_waiting_seconds": 0, "requests_waiting_seconds": 0,
        "webhooks_waiting_seconds": 0,
    }  # fmt: skip


def test_it_needs_no_sign_in_and_takes_no_post(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


@pytest.mark.usefixtures("no_cache")
def test_it_names_the_part_that_is_away(client: Client) -> None:
    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "database": True, "cache": False}


def test_it_tells_when_no_tick_comes_but_keeps_the_web_in_service(client: Client) -> None:
    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["last_tick_seconds"] is None


def test_it_tells_how_long_events_wait(client: Client) -> None:
    health.note_tick()
    due = product_clock.now() - timedelta(minutes=5)
    Event.objects.create(record_type="lead", record_id=1, at=due, not_before=due, name="lead_created")

    answer = client.get("/healthz").json()

    assert answer["status"] == "degraded"
    assert 299 <= answer["outbox_waiting_seconds"] <= 310


@pytest.mark.rule("LEAD-2")
def test_it_tells_how_long_requests_wait_for_their_lead(client: Client) -> None:
    health.note_tick()
    form = WebForm.objects.create(name="Сайт", key="site-key")
    stored = {"form": form, "body": b"", "received_at": product_clock.now() - timedelta(minutes=5)}
    for state in ("done", "failed", "held"):
        Submission.objects.create(**stored, state=state)
    assert client.get("/healthz").json()["status"] == "ok"

    Submission.objects.create(**stored)
    answer = client.get("/healthz").json()

    assert answer["status"] == "degraded"
    assert 299 <= answer["requests_waiting_seconds"] <= 310


def test_a_done_tick_is_noted_whatever_the_products_clock_says(clock: Any) -> None:
    clock.travel(days=60)

    app.loader.import_default_modules()
    app.tasks[app.conf.beat_schedule["dispatch-events"]["task"]].apply()

    assert health.tick_age() < 5


def test_the_check_of_worker_and_beat_fails_before_the_first_tick() -> None:
    with pytest.raises(CommandError, match="No tick has been done yet"):
        call_command("check_ticks")


def test_the_check_of_worker_and_beat_fails_when_ticks_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    health.note_tick()
    call_command("check_ticks", verbosity=0)

    with pytest.raises(CommandError, match="s ago"):
        call_command("check_ticks", max_age=-1.0)
