"""Sends what waits for webhooks: claim, send, mark, each step a transaction of its own, as the outbox of letters does.

Unlike a letter, a message whose worker died is sent again: it bears the same webhook-id and body, so that its receiver
can tell (at least once). Nothing is followed, little is read, and nobody is waited for longer than a quarter minute.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from communications.models import WebhookDelivery, WebhookEndpoint
from communications.webhooks import health, noting, payload, signing, targets
from crm import clock, timeline
from crm.actors import Actor
from crm.claims import back_off, claim_one

log = structlog.get_logger(__name__)

State = WebhookDelivery.State
LEASE = timedelta(minutes=2)
# Half a minute, two, eight … twelve hours: some three days in all.
MAX_ATTEMPTS = 12
FIRST_PAUSE, LONGEST_PAUSE, GROWTH, JITTER = timedelta(seconds=30), timedelta(hours=12), 4, 0.2
AT_ONCE, OF_ONE = 20, 5
CONNECT, WHOLE = 4.0, 15.0
MOST_ADDRESSES = 3
MOST_READ, MOST_KEPT = 16_384, 500
GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503
AGENT = "crm-webhooks/1"


@dataclass
class Job:
    """One message on its way: made before the network is touched, so that nothing waits within a transaction."""

    delivery: WebhookDelivery
    endpoint: WebhookEndpoint
    uid: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What came of an attempt: the status and the beginning of the answer, or the error where there was none."""

    status: int | None = None
    text: str = ""
    error: str = ""
    retry_after: int = 0

    @property
    def is_good(self) -> bool:
        """Did the other side take it?"""
        return self.status is not None and 200 <= self.status < 300


def send_due(limit: int = 200) -> int:
    """Number new events and send the messages that are due; answers how many were delivered. Safe in many workers."""
    noting.number_events()
    sweep()
    done = taken = 0
    while taken < limit:
        claimed = _claim(min(AT_ONCE, limit - taken))
        if not claimed:
            break
        taken += len(claimed)
        jobs = [job for delivery in claimed if (job := _prepare(delivery)) is not None]
        for job, answer in zip(jobs, asyncio.run(_post_all(jobs)) if jobs else (), strict=True):
            done += _finish(job, answer)
    return done


def sweep() -> int:
    """Messages whose worker died: due again, with the same id; answers how many."""
    stuck = WebhookDelivery.objects.filter(state=State.SENDING, claimed_at__lt=clock.now() - LEASE)
    return stuck.update(state=State.QUEUED)


# -- claiming ---------------------------------------------------------------------------------------------------------


def _claim(most: int) -> list[WebhookDelivery]:
    """Up to so many messages that are due, of one endpoint a few at most: one that is slow must not hold up others."""
    now = clock.now()
    open_ids = list(
        WebhookEndpoint.objects.filter(is_active=True)
        .exclude(paused_until__gt=now)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    taken: list[WebhookDelivery] = []
    while len(taken) < most:
        full = [pk for pk in open_ids if sum(row.endpoint_id == pk for row in taken) >= OF_ONE]
        free = WebhookDelivery.objects.filter(
            state=State.QUEUED, not_before__lte=now, endpoint__in=[pk for pk in open_ids if pk not in full]
        ).order_by("not_before", "id")
        pk = claim_one(free, state=State.SENDING, claimed_at=now, attempts=F("attempts") + 1)
        if pk is None:
            break
        taken.append(WebhookDelivery.objects.select_related("endpoint__owner", "event").get(pk=pk))
    return taken


def _prepare(delivery: WebhookDelivery) -> Job | None:
    """The message as it goes out; None where its owner may not be told (any more). The body is made once."""
    endpoint, event = delivery.endpoint, delivery.event
    if not payload.is_in_sight(event, endpoint.owner):
        _close(delivery, State.WITHHELD, error=_("The owner of the webhook may not see the record."))
        return None
    if not delivery.body:
        body = payload.body_of(event, endpoint.owner)
        if not _mine(delivery).update(body=body):
            return None  # taken over meanwhile
        delivery.body = body
    return Job(delivery, endpoint, event.uid, delivery.body.encode())


# -- sending ----------------------------------------------------------------------------------------------------------


async def _post_all(jobs: list[Job]) -> list[Answer]:
    timeout = httpx.Timeout(WHOLE, connect=CONNECT)
    # No proxy of the environment: it would resolve the name itself and walk past the guard.
    async with httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False) as client:
        return list(await asyncio.gather(*(_post(client, job) for job in jobs)))


async def _post(client: httpx.AsyncClient, job: Job) -> Answer:
    try:
        async with asyncio.timeout(WHOLE):
            return await _answered(client, job)
    except TimeoutError:
        return Answer(error=_("No answer within %(seconds)s seconds.") % {"seconds": int(WHOLE)})
    except targets.BadTarget as error:
        return Answer(error=error.message)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        return Answer(error=_("No connection: the other side cannot be reached."))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return Answer(error=f"{type(error).__name__}: {error}"[:MOST_KEPT])


async def _answered(client: httpx.AsyncClient, job: Job) -> Answer:
    target = targets.parse(job.endpoint.url)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    addresses = targets.addresses_of(target, found)[:MOST_ADDRESSES]
    headers = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "Accept-Encoding": "identity",
        **signing.headers_of(job.endpoint, job.uid, int(time.time()), job.body),
    }
    for address in addresses[:-1]:
        try:
            return await _posted(client, target, address, headers, job.body)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            continue  # one of its addresses does not answer (no IPv6 here): the next may
    return await _posted(client, target, addresses[-1], headers, job.body)


async def _posted(
    client: httpx.AsyncClient, target: targets.Target, address: targets.Address, headers: dict[str, str], body: bytes
) -> Answer:
    """Post to the very address that was checked; the certificate is still asked of the name."""
    wanted = client.stream(
        "POST", target.at(address), content=body, headers=headers, extensions={"sni_hostname": target.host}
    )
    async with wanted as response:
        read = b""
        async for chunk in response.aiter_raw(1024):
            read += chunk
            if len(read) >= MOST_READ:
                break
        after = response.headers.get("Retry-After", "")
        return Answer(response.status_code, _text(read), retry_after=int(after[:6]) if after.isdecimal() else 0)


def _text(read: bytes) -> str:
    return read.decode("utf-8", errors="replace").replace("\x00", "")[:MOST_KEPT]


# -- marking ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def _finish(job: Job, answer: Answer) -> int:
    """Write what came of an attempt, unless another worker has taken the message over; answers 1 for a delivery."""
    delivery = job.delivery
    told: dict[str, Any] = {"status": answer.status, "answer": answer.text}
    if answer.is_good:
        done = _close(delivery, State.DONE, done_at=clock.now(), **told)
        health.note_success(job.endpoint)
        return done
    error = answer.error or _refusal(answer)
    if answer.status == GONE or delivery.attempts >= MAX_ATTEMPTS:
        _close(delivery, State.FAILED, error=error, **told)
    else:
        _mine(delivery).update(
            state=State.QUEUED, not_before=_again(delivery, answer), tried_at=clock.now(), error=error[:MOST_KEPT],
            **told,
        )  # fmt: skip
    health.note_failure(job.endpoint, is_gone=answer.status == GONE, is_silent=answer.status is None)
    log.info("webhook_not_delivered", delivery_id=delivery.pk, status=answer.status, error=error)
    return 0


def _refusal(answer: Answer) -> str:
    if answer.status is not None and 300 <= answer.status < 400:
        return _("Answered %(status)s: redirects are not followed.") % {"status": answer.status}
    return _("Answered %(status)s.") % {"status": answer.status}


def _again(delivery: WebhookDelivery, answer: Answer) -> datetime:
    """When it is tried again: later each time, and not before the other side wants to hear of it."""
    pause = back_off(delivery.attempts - 1, first=FIRST_PAUSE, longest=LONGEST_PAUSE, growth=GROWTH, jitter=JITTER)
    if answer.status in {TOO_MANY, UNAVAILABLE}:
        pause = max(pause, min(timedelta(seconds=answer.retry_after), LONGEST_PAUSE))
    return clock.now() + pause


def _mine(delivery: WebhookDelivery) -> Any:
    return WebhookDelivery.objects.filter(
        pk=delivery.pk, state=State.SENDING, claimed_at=delivery.claimed_at, attempts=delivery.attempts
    )


@transaction.atomic
def _close(delivery: WebhookDelivery, state: str, *, error: str = "", **columns: Any) -> int:
    """Write the end of a message; what a robot called for is told on the record's timeline."""
    written: int = _mine(delivery).update(state=state, tried_at=clock.now(), error=error[:MOST_KEPT], **columns)
    event = delivery.event
    if written and event.rule_name and (record := event.record) is not None:
        told = {
            "name": delivery.endpoint.name,
            "status": columns.get("status"),
            "error": error[:200],
            "id": delivery.pk,
        }
        action = "webhook_called" if state == State.DONE else "webhook_failed"
        timeline.record(record, action, Actor.robot(event.rule_name), told, internal=True)
    return written
