"""What the button beside the toast takes back, a program takes back by the address in the answer."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from crm import jobs, stages
from crm.models import Change, Exclusion, ListJob, StageHistory
from deals.models import Deal
from leads.services import lead_create
from tests.factories import make_deal, make_team, make_user

pytestmark = pytest.mark.django_db
SIGN = {"to": "proposal_sent", "data": {"amount": 5}}


def way_back(answer: Any) -> str:
    """The address that takes a call back."""
    assert answer.status_code in {200, 204}, answer.content
    return str(answer["Undo-Location"])


def test_a_move_is_taken_back_once_by_its_author_alone(caller: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger = caller(make_user(team=team)), caller(make_user(team=team)), caller(make_user())
    partner = caller(make_user(Role.PARTNER))
    deal = make_deal(owner.user, amount=5)
    address = way_back(owner.post(f"deals/{deal.pk}/move/", SIGN))
    for other in (mate, stranger, partner):
        assert other.post(address).status_code == 422
    assert Deal.objects.get(pk=deal.pk).stage == "deal:proposal_sent"
    assert caller(owner.user, "read").post(address).status_code == 403
    assert owner.post(address).status_code == 200
    assert Deal.objects.get(pk=deal.pk).stage == "deal:request_received"
    assert owner.post(address).status_code == 422
    assert owner.post("undo/no-such-ticket/").json()["code"] == "move_not_allowed"
    assert StageHistory.objects.filter(record_type="deal", record_id=deal.pk).count() == 3


def test_a_move_that_somebody_has_gone_on_from_stays(caller: Any) -> None:
    owner, head = caller(make_user()), make_user(Role.SALES_HEAD)
    deal = make_deal(owner.user, amount=5)
    address = way_back(owner.post(f"deals/{deal.pk}/move/", SIGN))
    stages.move(Deal.objects.get(pk=deal.pk), "negotiation", by=head, override=True)
    answer = owner.post(address)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert Deal.objects.get(pk=deal.pk).stage == "deal:negotiation"


def test_a_change_of_the_responsible_is_taken_back(caller: Any) -> None:
    owner, heir = caller(make_user()), make_user()
    deal = make_deal(owner.user)
    same = owner.post(f"deals/{deal.pk}/assign/", {"responsible": owner.user.pk})
    assert (same.status_code, same.get("Undo-Location")) == (200, None)
    address = way_back(owner.post(f"deals/{deal.pk}/assign/", {"responsible": heir.pk}))
    assert owner.get(f"deals/{deal.pk}/").status_code == 404
    assert owner.post(address).status_code == 200
    assert Deal.objects.get(pk=deal.pk).responsible == owner.user


@pytest.mark.rule("LEAD-15")
def test_spam_and_its_exclusions_are_taken_back(caller: Any) -> None:
    program = caller(make_user(Role.SALES_HEAD))
    lead = lead_create(by=program.user, data={"name": "Ким"}, phones="+79120001122", stage="handed_over")
    address = way_back(program.post(f"leads/{lead.pk}/spam/"))
    assert Exclusion.objects.count() == 1
    assert program.post(address).status_code == 200
    lead.refresh_from_db()
    assert (lead.stage, Exclusion.objects.count()) == ("lead:handed_over", 0)


@pytest.mark.rule("LEAD-15")
def test_a_row_taken_out_of_the_exclusions_is_put_back(caller: Any) -> None:
    program = caller(make_user(Role.SALES_HEAD))
    added = program.post("exclusions/", {"kind": "phone", "value": "+79120001122", "reason": "Реклама"}).json()
    address = way_back(program.call("delete", f"exclusions/{added[0]['id']}/"))
    assert not Exclusion.objects.exists()
    assert program.post(address).status_code == 200
    assert Exclusion.objects.get().value == "+79120001122"


@pytest.mark.rule("ACC-5")
def test_what_a_token_takes_back_is_the_tokens_in_the_audit_trail(caller: Any) -> None:
    owner, heir = caller(make_user()), make_user()
    deal = make_deal(owner.user, amount=5)
    owner.post(way_back(owner.post(f"deals/{deal.pk}/move/", SIGN)))
    owner.post(way_back(owner.post(f"deals/{deal.pk}/assign/", {"responsible": heir.pk})))
    moved = StageHistory.objects.filter(record_type="deal", record_id=deal.pk).order_by("-id")[0]
    given = Change.objects.filter(record_type="deal", record_id=deal.pk, field="responsible").order_by("-id")[0]
    for row in (moved, given):
        assert (row.actor_kind, row.actor_user_id) == ("token", owner.user.pk)
        assert row.actor_name.endswith("Сайт")


@pytest.mark.rule("ACC-5")
def test_a_job_that_a_token_takes_back_is_the_tokens(caller: Any) -> None:
    head, heir = caller(make_user(Role.SALES_HEAD)), make_user()
    deal = make_deal(head.user)
    job = head.post("deals/bulk/", {"action": "assign", "ids": [deal.pk], "responsible": heir.pk}).json()["job"]
    assert head.post(f"jobs/{job}/undo/").json()["done"] == 1
    kinds = Change.objects.filter(record_type="deal", record_id=deal.pk, field="responsible")
    assert {row.actor_kind for row in kinds} == {"token"}
    other = make_deal(head.user)
    job = head.post("deals/bulk/", {"action": "assign", "ids": [other.pk], "responsible": heir.pk}).json()["job"]
    jobs.job_undo(ListJob.objects.get(pk=job))
    last = Change.objects.filter(record_type="deal", record_id=other.pk, field="responsible").order_by("-id")[0]
    assert (last.actor_kind, last.actor_user_id) == ("user", head.user.pk)
