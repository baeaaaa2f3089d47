"""Fixtures for the whole suite: the database, the broker, the mail server, the clock and the browser."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as default_policy
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client, override_settings
from django.utils import timezone, translation

from crm.catalogues import compile_catalogues
from crm.embedded import valkey_command
from scripts.child import die_with_parent

TEST_DIR = Path(os.environ["VAR_DIR"])


# --- which tests run where ------------------------------------------------------------------------


def on_postgres() -> bool:
    """Tell which of its two databases the suite runs on."""
    return settings.DATABASES["default"]["ENGINE"].endswith("postgresql")


def is_transactional(item: pytest.Item) -> bool:
    """Tell whether the test really commits, so that the tables are emptied after it."""
    marker = item.get_closest_marker("django_db")
    names: list[str] = getattr(item, "fixturenames", [])
    return bool(marker and marker.kwargs.get("transaction")) or "transactional_db" in names or "live_server" in names


def pytest_configure(config: pytest.Config) -> None:
    """Compile the translations once, before the processes of the suite start."""
    if not hasattr(config, "workerinput"):
        for locale_dir in settings.LOCALE_PATHS:
            compile_catalogues(locale_dir)


def touches_database(item: pytest.Item) -> bool:
    """Tell whether the test could come out differently on the other database."""
    names: list[str] = getattr(item, "fixturenames", [])
    return item.get_closest_marker("django_db") is not None or bool({"db", "transactional_db"} & set(names))


# A browser sees no difference, and the demo is loaded on the embedded default alone.
SQLITES_OWN = {"browser", "test_demo.py"}


def runs_here(item: pytest.Item) -> bool:
    """PostgreSQL's own tests run there alone; what has no database, or a browser before it, runs on SQLite alone."""
    needs_postgres = item.get_closest_marker("postgres") is not None
    if needs_postgres or not on_postgres():
        return needs_postgres is on_postgres()
    return touches_database(item) and not SQLITES_OWN & set(item.path.parts)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what belongs to the other database's run, and give committing tests the migrated rows back."""
    left_out = [item for item in items if not runs_here(item)]
    items[:] = [item for item in items if runs_here(item)]
    config.hook.pytest_deselected(items=left_out)
    # Committing tests come last, for they leave empty tables behind: pytest itself draws those that share a browser
    # together and would put them before tests that count on the migrated rows.
    items.sort(key=is_transactional)
    for item in items:
        if is_transactional(item):
            # Stages and settings are laid by migrations; emptying the tables takes them away.
            item.fixturenames.append("django_db_serialized_rollback")  # type: ignore[attr-defined]
            if marker := item.get_closest_marker("django_db"):
                # Where there is a marker it alone decides whether the rows are kept aside when the database is made.
                kept = pytest.mark.django_db(**{**marker.kwargs, "serialized_rollback": True})
                item.add_marker(kept, append=False)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder that tests/settings.py made for this process."""
    shutil.rmtree(TEST_DIR, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Keep the migrated rows where every connection finds them.

    Once a browser is open its event loop runs in this thread, and Django then uses another connection object than
    the one that made the database and holds the rows.
    """
    rows = getattr(connection, "_test_serialized_contents", None)
    if rows is not None:
        BaseDatabaseWrapper._test_serialized_contents = rows
    yield
    if rows is not None:
        del BaseDatabaseWrapper._test_serialized_contents


# --- transactions ---------------------------------------------------------------------------------


def run_committed(conn: Any) -> None:
    """Run what waits for the commit once only the transactions of the test itself are open."""
    if conn.needs_rollback or not all(block._from_testcase for block in conn.atomic_blocks):
        return
    # As Django does it: the whole list is taken first, so that what a callback schedules is its own affair and
    # a hundred callbacks do not call each other a hundred levels deep.
    waiting, conn.run_on_commit = conn.run_on_commit, []
    for _, callback, robust in waiting:
        try:
            callback()
        except Exception:
            if not robust:
                raise
            logging.getLogger("django.db.backends.base").exception("A robust on_commit callback failed.")


@pytest.fixture(autouse=True)
def commits_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run on_commit callbacks where production would, though a test's own transaction never commits."""
    leave = transaction.Atomic.__exit__
    wrapper = BaseDatabaseWrapper
    schedule = wrapper.on_commit

    def leave_and_run(self: Any, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        leave(self, exc_type, exc_value, traceback)
        conn = transaction.get_connection(self.using)
        if exc_type is None and not self._from_testcase and conn.in_atomic_block:
            run_committed(conn)

    def schedule_and_run(self: Any, func: Callable[[], Any], robust: bool = False) -> None:
        schedule(self, func, robust)
        if self.in_atomic_block:
            run_committed(self)

    monkeypatch.setattr(transaction.Atomic, "__exit__", leave_and_run)
    monkeypatch.setattr(wrapper, "on_commit", schedule_and_run)


# --- the web's role -------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def second_lock() -> None:
    """Requests on PostgreSQL are asked by the web's role, under its policies, as in production."""
    from accounts import identity

    if on_postgres():
        # The connection at hand may have been made in a test that took the lock off.
        identity.watch(connection)


@pytest.fixture
def first_lock_alone() -> Callable[[], Any]:
    """`with first_lock_alone():` requests go as the owner's, as on SQLite: for tests of the rule in the code."""
    return lambda: override_settings(WEB_LOGIN="")


# --- language and time zone ----------------------------------------------------------------------


@pytest.fixture(autouse=True)
def nobodys_language() -> None:
    """Start each test in the product's own language and zone: the middleware leaves those of its last user active."""
    translation.activate(settings.LANGUAGE_CODE)
    timezone.deactivate()


# --- broker and cache -----------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def valkey() -> Iterator[str]:
    """A real Redis-protocol server for cache, rate limits and broker; its URL."""
    url: str = settings.REDIS_URL
    if not url.startswith("unix://"):
        yield url
        return
    door = Path(url.removeprefix("unix://"))
    command = valkey_command(door, TEST_DIR, durable=False)
    with (TEST_DIR / "valkey.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )
    try:
        wait_until(door.exists, what="the start of Valkey")
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(autouse=True)
def empty_cache(valkey: str) -> None:
    """Start each test with no cached value, no used-up rate limit and no message in the queue."""
    cache.clear()


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], *, what: str, seconds: float = 20) -> None:
    """Wait for something another thread or process does; fail with its name when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"Waited {seconds:g} s in vain for {what}.")
        time.sleep(0.02)


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., None]:
    """The helper `wait_until(condition, what=..., seconds=20)`."""
    return wait_until


@pytest.fixture
def running_worker(transactional_db: None, valkey: str) -> Iterator[Any]:
    """A real Celery worker that takes messages from the real broker, in a thread of this process."""
    from celery.contrib.testing.worker import start_worker

    from crm.celery import app

    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=20) as worker:
        yield worker


@pytest.fixture(autouse=True)
def a_worker_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Do at once what a worker does a moment after a post is stored: its lead is there when the answer is.

    Answers the call as it is in production; see `no_worker`.
    """
    from communications import calling
    from communications.tasks import process_received

    as_it_is = calling.call_worker
    monkeypatch.setattr(calling, "call_worker", process_received)
    monkeypatch.setattr(calling, "_quiet_until", 0.0)
    return as_it_is


@pytest.fixture
def no_worker(a_worker_is_at_hand: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored posts call for a worker through the real broker, and wait until one comes."""
    from communications import calling

    monkeypatch.setattr(calling, "call_worker", a_worker_is_at_hand)


# --- mail -----------------------------------------------------------------------------------------


class MailServer:
    """A local SMTP server that keeps what it is given; `refuse` makes it answer with that line instead."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refuse: str | None = None
        self.host = "127.0.0.1"
        self.port = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        """Take or refuse one letter."""
        if self.refuse:
            return self.refuse
        self.messages.append(BytesParser(policy=default_policy).parsebytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    """A real SMTP server on a free port, with Django sending its letters there."""
    from aiosmtpd.controller import Controller

    server = MailServer()
    server.port = free_port()
    controller = Controller(server, hostname=server.host, port=server.port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.host, server.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    try:
        yield server
    finally:
        controller.stop()


# --- time -----------------------------------------------------------------------------------------


class StoppedClock:
    """The product's clock, stopped: it moves only when the test says so."""

    def __init__(self, start: datetime) -> None:
        from crm import clock

        self._clock = clock
        self.start = start

    def now(self) -> datetime:
        """The moment the product takes for the present."""
        return self._clock.now()

    def travel(self, **delta: float) -> datetime:
        """Go on by a timedelta given in keywords (days=60); answers the new moment."""
        return self._clock.travel(**delta)

    def at(self, moment: datetime) -> Any:
        """A context in which it is another moment."""
        return self._clock.frozen(moment)


@pytest.fixture
def clock() -> Iterator[StoppedClock]:
    """The clock stopped at Monday 2 March 2026, 12:00 in Moscow."""
    from datetime import UTC

    from crm.clock import frozen

    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    with frozen(start):
        yield StoppedClock(start)


# --- browser --------------------------------------------------------------------------------------


def chromium() -> str:
    """Find the system's browser: CHROMIUM, or the usual names on PATH."""
    for name in (
        os.environ.get("CHROMIUM"),
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ):
        found = shutil.which(name) if name else None
        if found:
            return found
    pytest.fail("No Chromium: `make test` installs it, or name one in CHROMIUM.")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the system's Chromium; as root it only runs without its sandbox."""
    args = ["--disable-dev-shm-usage"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    return {**browser_type_launch_args, "executable_path": chromium(), "args": args}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A desktop window of a person in Moscow who reads Russian; a test may ask for another."""
    return {
        **browser_context_args,
        "viewport": {"width": 1440, "height": 900},
        "locale": "ru-RU",
        "timezone_id": "Europe/Moscow",
    }


@pytest.fixture
def page_for(live_server: Any, browser: Any, browser_context_args: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    """`page_for(user, **context)`: a page of a fresh browser window in which the user is signed in.

    Relative addresses work (`page.goto("/leads/")`); `viewport={"width": 390, "height": 844}` makes a phone.
    The page fails the test on script errors and on violations of the content security policy.
    """
    contexts: list[Any] = []
    troubles: list[str] = []

    def open_page(user: Any, **changes: Any) -> Any:
        context = browser.new_context(**{**browser_context_args, "base_url": live_server.url, **changes})
        context.set_default_timeout(10_000)
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            value = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"script error: {error}"))
        page.on("console", lambda line: note_violation(line.text))
        return page

    def note_violation(text: str) -> None:
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            troubles.append(text)

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles, "\n".join(troubles)
