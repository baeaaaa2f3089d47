"""Jobs over many records: listed, looked at, stopped and taken back by the one who started them."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from crm import clock, jobs
from crm.models import ListJob
from deals.models import Deal
from tests.factories import make_deal, make_team, make_user

pytestmark = pytest.mark.django_db


def test_a_bulk_call_is_a_job_that_can_be_taken_back(caller: Any) -> None:
    head, heir = caller(make_user(Role.SALES_HEAD)), make_user()
    deals = [make_deal(head.user) for _number in range(3)]
    body = {"action": "assign", "ids": [deal.pk for deal in deals] + [10**9], "responsible": heir.pk}
    answer = head.post("deals/bulk/", body).json()
    job = head.get(f"jobs/{answer['job']}/").json()
    assert (job["kind"], job["state"], job["total"], job["done"], job["can_undo"]) == ("assign", "done", 4, 3, True)
    assert [row["id"] for row in job["failed"]] == [10**9]
    Deal.objects.filter(pk=deals[0].pk).update(responsible=make_user())
    undoing = head.post(f"jobs/{answer['job']}/undo/").json()
    assert (undoing["kind"], undoing["done"], [row["id"] for row in undoing["failed"]]) == ("undo", 2, [deals[0].pk])
    assert {row.responsible_id for row in Deal.objects.filter(pk__in=[deals[1].pk, deals[2].pk])} == {head.user.pk}
    again = head.post(f"jobs/{answer['job']}/undo/")
    assert (again.status_code, again.json()["code"]) == (422, "refused")


@pytest.mark.parametrize(
    ("body", "field", "before"),
    [
        ({"action": "move", "to": "proposal_sent"}, "stage", "deal:request_received"),
        ({"action": "delete"}, "deleted_at", None),
    ],
)
def test_moves_and_deletions_in_bulk_come_back(caller: Any, body: dict[str, Any], field: str, before: Any) -> None:
    head = caller(make_user(Role.SALES_HEAD))
    deal = make_deal(head.user, amount=5)
    answer = head.post("deals/bulk/", {**body, "ids": [deal.pk]}).json()
    assert answer["done"] == 1, answer
    assert getattr(Deal.objects.get(pk=deal.pk), field) != before
    assert head.post(f"jobs/{answer['job']}/undo/").json()["done"] == 1
    assert getattr(Deal.objects.get(pk=deal.pk), field) == before


def test_where_nothing_was_done_there_is_no_job(caller: Any) -> None:
    answer = caller(make_user()).post("deals/bulk/", {"action": "tag", "ids": [10**9], "add": ["срочно"]}).json()
    assert (answer["job"], answer["failed"], ListJob.objects.count()) == (None, 1, 0)


@pytest.mark.rule("ACC-1")
def test_nobody_meets_the_jobs_of_others(caller: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner = caller(make_user(team=team))
    others = [caller(make_user(team=team)), caller(make_user()), caller(make_user(Role.PARTNER))]
    others.append(caller(make_user(Role.ADMINISTRATOR)))
    rows = [("deal", make_deal(owner.user).pk)]
    job = jobs.job_start(by=owner.user, kind="tag", rows=rows, params={"add": ["срочно"]}, record_type="deal")
    assert owner.ids("jobs/") == [job.pk]
    for other in others:
        assert other.ids("jobs/") == []
        for method, tail in (("get", ""), ("post", "stop/"), ("post", "undo/"), ("get", "file/")):
            assert other.call(method, f"jobs/{job.pk}/{tail}").status_code == 404
    assert owner.get(f"jobs/{job.pk}/file/").status_code == 404


def test_a_waiting_job_is_stopped(caller: Any) -> None:
    owner = caller(make_user())
    job = ListJob.objects.create(user=owner.user, kind="tag", rows=[["deal", 1]], total=1, created_at=clock.now())
    assert owner.get(f"jobs/{job.pk}/").json()["state"] == "pending"
    assert owner.post(f"jobs/{job.pk}/stop/").json()["state"] == "stopped"
    jobs.run(job.pk)
    assert ListJob.objects.get(pk=job.pk).position == 0
