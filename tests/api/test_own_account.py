"""One's own tokens, the names of tags, what hangs on a person."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import ApiToken, Role
from crm.models import Change
from tests.factories import make_deal, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("DATA-3")]


@pytest.mark.rule("ACC-4")
def test_people_see_and_revoke_their_own_tokens_alone(caller: Any) -> None:
    owner, stranger, admin = caller(make_user()), caller(make_user()), caller(make_user(Role.ADMINISTRATOR))
    spare = caller(owner.user, "read")
    assert owner.ids("me/tokens/") == [spare.token.pk, owner.token.pk]
    row = owner.get("me/tokens/").json()["results"][0]
    assert (row["name"], row["scopes"], row["revoked_at"]) == ("Сайт", ["read"], None)
    assert spare.secret not in owner.get("me/tokens/").content.decode()
    for other in (stranger, admin):
        assert other.post(f"me/tokens/{spare.token.pk}/revoke/").status_code == 404
    assert spare.post(f"me/tokens/{spare.token.pk}/revoke/").status_code == 403
    for _time in range(2):
        assert owner.post(f"me/tokens/{spare.token.pk}/revoke/").json()["revoked_at"]
    assert spare.get("me/").status_code == 401
    assert Change.objects.get(record_type="token", field="revoked").actor_kind == "token"
    assert owner.post("me/tokens/", {"name": "x", "scopes": ["read"]}).status_code == 405
    assert ApiToken.objects.filter(user=owner.user, revoked_at=None).count() == 1


@pytest.mark.rule("ACC-1")
def test_a_partner_knows_the_tags_of_its_own_records_alone(caller: Any) -> None:
    owner, partner = caller(make_user()), caller(make_user(Role.PARTNER))
    make_deal(owner.user, tags=["срочно"])
    make_deal(partner.user, tags=["мост"])
    assert [row["name"] for row in owner.get("tags/").json()["results"]] == ["мост", "срочно"]
    assert [row["name"] for row in partner.get("tags/").json()["results"]] == ["мост"]


def test_a_head_sees_what_hangs_on_a_person(caller: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner, head = make_user(team=team), caller(make_user(Role.SALES_HEAD))
    make_deal(owner)
    make_deal(owner)
    work = head.get(f"users/{owner.pk}/open-work/").json()
    assert (work["deals"], work["leads"], work["tasks"]) == (2, 0, 0)
    assert head.get(f"users/{10**9}/open-work/").status_code == 404
    for other in (make_user(team=team), make_user(), make_user(Role.PARTNER), make_user(Role.CALL_CENTER)):
        assert caller(other).get(f"users/{owner.pk}/open-work/").status_code == 403
