"""The calendar by mouse and by keys: a task goes to another day or hour, is done, and its next step is planned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from crm import clock
from crm.models import Activity
from crm.services import activity_create
from tests.factories import make_deal, make_user

pytestmark = pytest.mark.django_db(transaction=True)
MOSCOW = ZoneInfo("Europe/Moscow")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def due_of(task: Activity) -> datetime:
    task.refresh_from_db()
    return task.due_at.astimezone(MOSCOW).replace(tzinfo=None)


@pytest.mark.rule("ACT-1")
def test_a_task_is_moved_by_mouse_and_keys_and_done_with_its_next_step(page_for: Callable[..., Page]) -> None:
    owner = make_user(language="ru", time_zone="Europe/Moscow")
    monday = clock.today() - timedelta(days=clock.today().weekday()) + timedelta(days=7)
    at = datetime(monday.year, monday.month, monday.day, 10, 30)  # noqa: DTZ001 - the company's clock
    task = activity_create(
        make_deal(owner), title="Позвонить", due_at=at.replace(tzinfo=MOSCOW), responsible=owner, by=owner
    )
    page = page_for(owner, locale="ru-RU")
    page.goto(f"/calendar/?view=week&date={monday}")
    one = page.locator(f"#cal-task-{task.pk}")
    place = page.locator(f"[data-drop-day='{monday + timedelta(days=2)}'][data-drop-hour='14']")
    one.drag_to(place)
    expect(place.locator(one)).to_be_visible()
    assert due_of(task) == at.replace(hour=14, minute=0) + timedelta(days=2)
    title = one.locator(".cal-title")
    title.focus()
    page.keyboard.press("Shift+ArrowDown")
    below = page.locator(f"[data-drop-day='{monday + timedelta(days=2)}'][data-drop-hour='15']")
    expect(below.locator(one)).to_be_visible()
    expect(title).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(f"[data-drop-day='{monday + timedelta(days=3)}'][data-drop-hour='15'] #cal-task-{task.pk}")
           ).to_be_visible()  # fmt: skip
    one.locator("a.task-check").click()
    page.locator("#id_title").fill("Отправить КП")
    page.locator("#dialog-body .btn-primary").click()
    expect(one).to_have_class("cal-task is-done")
    assert Activity.objects.get(title="Отправить КП").done_at is None


@pytest.mark.rule("ACT-1")
def test_a_phone_shows_days_as_a_list(page_for: Callable[..., Page]) -> None:
    owner: Any = make_user(language="ru", time_zone="Europe/Moscow")
    activity_create(make_deal(owner), title="Встреча", due_at=clock.now(), responsible=owner, by=owner)
    page = page_for(owner, **PHONE)
    page.goto("/calendar/?view=month")
    expect(page.locator(".cal-day:visible")).to_have_count(1)
    expect(page.get_by_text("Встреча")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    box = page.locator("a.task-check").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
