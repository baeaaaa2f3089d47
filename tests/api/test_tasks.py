"""Tasks in the API: changed, moved to another day, done together with planning the next one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Role
from crm import clock as time
from crm import services
from crm.models import Activity
from tests.factories import make_deal, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACT-1")]
DUE = "2027-03-01T09:00:00Z"


def moment(text: str) -> datetime:
    """A moment, in whatever time zone it is told."""
    return datetime.fromisoformat(text)


def planned(owner: Any, **data: Any) -> Activity:
    """A task of tomorrow on a deal of its owner."""
    values = {"title": "Позвонить", "due_at": time.now() + timedelta(days=1), "responsible": owner, **data}
    return services.activity_create(make_deal(owner), by=owner, **values)


def test_a_task_is_changed_by_its_own_people_alone(caller: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger = caller(make_user(team=team)), caller(make_user(team=team)), caller(make_user())
    partner, head = caller(make_user(Role.PARTNER)), caller(make_user(Role.SALES_HEAD))
    task = planned(owner.user)
    calls = [
        ("patch", "", {"title": "Написать"}),
        ("post", "postpone/", {"to": "monday"}),
        ("post", "complete/", {"next": {"title": "Ещё раз", "due_at": DUE}}),
        ("post", "reopen/", {}),
    ]
    for method, tail, body in calls:
        for other in (stranger, partner):
            assert other.call(method, f"tasks/{task.pk}/{tail}", body).status_code == 404, tail
        assert mate.call(method, f"tasks/{task.pk}/{tail}", body).status_code in {403, 404}, tail
        assert caller(owner.user, "read").call(method, f"tasks/{task.pk}/{tail}", body).status_code == 403, tail
    assert Activity.objects.count() == 1
    for program in (owner, head):
        for method, tail, body in calls:
            answer = program.call(method, f"tasks/{task.pk}/{tail}", body)
            assert answer.status_code == 200, (tail, answer.content)


def test_only_what_is_named_is_changed_and_the_next_step_follows(caller: Any) -> None:
    owner, heir, outsider = caller(make_user()), make_user(), make_user(Role.PARTNER)
    task = planned(owner.user, text="Спросить о сроках")
    answer = owner.patch(f"tasks/{task.pk}/", {"title": "Написать", "due_at": DUE, "responsible": heir.pk}).json()
    assert (answer["title"], answer["text"]) == ("Написать", "Спросить о сроках")
    assert moment(answer["due_at"]) == moment(DUE)
    assert answer["responsible"] == heir.pk
    record = task.record
    assert record is not None
    assert record.next_activity_title == "Написать"
    again = planned(owner.user)
    for wrong in ({"responsible": outsider.pk}, {"title": ""}, {"kind": "dance"}, {"due_at": "soon"}, {"done_at": DUE}):
        assert owner.patch(f"tasks/{again.pk}/", wrong).status_code == 400, wrong


def test_a_task_is_moved_to_another_day(caller: Any, clock: Any) -> None:
    owner = caller(make_user(time_zone="Europe/Moscow"))
    clock.travel(days=4)  # a Friday; the Monday after it is off for the 8th of March
    task = planned(owner.user, due_at=time.now() - timedelta(days=3))
    for wish, due in (
        ({"to": "tomorrow"}, "2026-03-10T09:00:00Z"),
        ({"to": "monday"}, "2026-03-10T09:00:00Z"),
        ({"to": "week"}, "2026-03-13T09:00:00Z"),
        ({"due_at": DUE}, DUE),
    ):
        answer = owner.post(f"tasks/{task.pk}/postpone/", wish)
        assert moment(answer.json()["due_at"]) == moment(due), wish
    for wrong in ({}, {"to": "never"}, {"to": "week", "due_at": DUE}):
        assert owner.post(f"tasks/{task.pk}/postpone/", wrong).status_code == 400, wrong


def test_done_with_the_next_step_in_one_call_and_once(caller: Any) -> None:
    owner = caller(make_user())
    task = planned(owner.user, kind="call")
    wish = {"result": "Просил перезвонить", "next": {"title": "Перезвонить", "due_at": DUE}}
    answer = owner.post(f"tasks/{task.pk}/complete/", wish).json()
    assert (answer["result"], answer["next"]["title"], answer["next"]["kind"]) == (
        "Просил перезвонить", "Перезвонить", "call",
    )  # fmt: skip
    assert (answer["next"]["responsible"], answer["next"]["record_id"]) == (owner.user.pk, task.record_id)
    assert owner.post(f"tasks/{task.pk}/complete/", wish).json()["next"] is None
    assert Activity.objects.count() == 2
    for method, tail, body in (("patch", "", {"title": "x"}), ("post", "postpone/", {"to": "week"})):
        refused = owner.call(method, f"tasks/{task.pk}/{tail}", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


def test_a_wrong_next_step_leaves_the_task_undone(caller: Any) -> None:
    owner = caller(make_user())
    task = planned(owner.user)
    answer = owner.post(f"tasks/{task.pk}/complete/", {"next": {"title": "", "due_at": DUE}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/next/title")
    partner = make_user(Role.PARTNER)
    foreign = {"next": {"title": "x", "due_at": DUE, "responsible": partner.pk}}
    assert owner.post(f"tasks/{task.pk}/complete/", foreign).status_code == 400
    task.refresh_from_db()
    assert task.done_at is None
