"""Plays the demo's year: a queue of lives by the moment each goes on, with the background's ticks between."""

from __future__ import annotations

import gc
import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.utils import translation

from automation.engine import run_due
from communications import outbox
from crm import clock, scope
from deals.models import Deal
from web.demo import halves
from web.demo.lives import Life, lead_life
from web.demo.offers import make_catalogue
from web.demo.present import present
from web.demo.world import World, make_world

SEED = 20_26
DAYS = 365
# How many of the leads are of yesterday and today for certain.
FRESH = 12
TICK_AT = time(10)
# From how many leads on a second process is worth its start.
WORTH_TWO = 300
# How much of a usual month comes in, January to December: building is thought of in spring and in autumn.
SEASON = (0.6, 0.85, 1.2, 1.3, 1.2, 1.0, 0.9, 0.95, 1.15, 1.1, 0.95, 0.8)


def moments(world: World, count: int, now: datetime) -> list[datetime]:
    """When the leads come in: by season, on working days mostly, in daytime mostly, up to this very hour."""
    days = [now.astimezone(world.zone).date() - timedelta(days=back) for back in range(DAYS)]
    weights = [SEASON[day.month - 1] * (0.25 if day.weekday() >= 5 else 1.0) for day in days]
    chosen = world.chance.choices(days, weights=weights, k=count)
    found = []
    for day in chosen:
        hour = world.chance.choices(range(24), weights=[1] * 8 + [6] * 11 + [2] * 5)[0]
        moment = datetime.combine(day, time(hour, world.chance.randrange(60)), tzinfo=world.zone)
        found.append(moment if moment < now else now - timedelta(minutes=world.chance.randrange(2, 600)))
    # Whatever the day of the week, something has come in since yesterday.
    found[:FRESH] = [now - timedelta(minutes=world.chance.randrange(5, 1_900)) for _lead in found[:FRESH]]
    return sorted(found)


def build(count: int, *, say: Callable[[str], Any] = print, seed: int = SEED) -> World:
    """Make the demo in the empty database; the same seed gives the same year, up to today."""
    now = clock.now()
    with scope.opened():
        zone = clock.company_zone()
    begin = now - timedelta(days=DAYS + 1)
    with clock.frozen(begin), scope.opened():
        world = make_world(seed, zone)
        make_catalogue()
    times = moments(world, count, now)
    # Lives of the later half are cut short by today, so that it has a few more of them.
    middle = int(count * 0.45)
    if count < WORTH_TWO or not halves.can_halve():
        play(world, times, begin, now, say)
    else:
        halves.play_both(
            lambda: play(world, times[:middle], begin, now, say),
            lambda: play(other_half(world, count), times[middle:], times[middle], now, lambda _text: None),
            leads=middle,
        )
    with translation.override("ru"), scope.opened(), letters_go_nowhere():
        present(world, now)
    return world


def other_half(world: World, count: int) -> World:
    """The same company with dice of its own and telephone numbers that the first half does not reach."""
    return replace(world, chance=random.Random(SEED + 1), phones=world.phones + 2 * count)


def play(world: World, times: list[datetime], begin: datetime, now: datetime, say: Callable[[str], Any]) -> None:
    """Let leads come in at those times and live on until now."""
    order = itertools.count()
    queue: list[tuple[datetime, int, Life]] = []
    gc.collect()
    gc.freeze()  # what is loaded by now stays: the collector need not look at it again and again
    for at in times:
        heapq.heappush(queue, (at, next(order), starting(world)))
    ticked, done = morning_of(begin, world.zone), 0
    with translation.override("ru"), scope.opened(), letters_go_nowhere():
        while queue and queue[0][0] <= now:
            at, _order, life = heapq.heappop(queue)
            while ticked + timedelta(days=1) <= at:
                ticked += timedelta(days=1)
                tick(ticked)
            with clock.frozen(at):
                following = next(life, None)
            if following is not None:
                heapq.heappush(queue, (max(following, at + timedelta(minutes=1)), next(order), life))
            done += 1
            if done % 2000 == 0:
                say(f"  {at:%d.%m.%Y}")
        tick(now)


@contextmanager
def letters_go_nowhere() -> Iterator[None]:
    """The year's letters are marked as sent, but no server and no folder sees them."""
    usual = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    try:
        yield
    finally:
        settings.EMAIL_BACKEND = usual


def starting(world: World) -> Life:
    """A lead of a stranger, or in one case of twelve of somebody who has bought before."""
    known = None
    if world.luck(0.08):
        known = Deal.objects.filter(partner__isnull=True, contact__isnull=False).order_by("-pk")[:1].first()
    yield from lead_life(world, known=known)


def morning_of(at: datetime, zone: Any) -> datetime:
    """Ten o'clock of that day: the ticks of the year come in working hours, at whatever hour the demo is made.

    By night robots put off till the morning what is late; a tick at night would put the same off every day anew.
    """
    return datetime.combine(at.astimezone(zone).date(), TICK_AT, tzinfo=zone)


def tick(at: datetime) -> None:
    """What worker and beat would have done by then: rules that are due, letters that wait."""
    with clock.frozen(at):
        run_due()
        outbox.send_due()
