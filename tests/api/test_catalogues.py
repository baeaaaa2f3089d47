"""Teams, sources, purposes, steel and templates: what their pages in the settings do, a token does too."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role, Team, User
from communications.models import Message
from crm.models import Change
from tests.factories import make_client, make_deal, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("DATA-3")]


def changes(kind: str) -> list[tuple[str, str]]:
    """What the audit trail holds of a kind of setting: field and by what it was changed."""
    return list(Change.objects.filter(record_type=kind).order_by("id").values_list("field", "actor_kind"))


@pytest.mark.rule("ACC-1", "ACC-5")
def test_an_administrator_keeps_teams_and_their_sharing_decides_what_is_seen(caller: Any) -> None:
    admin, owner, mate = caller(make_user(Role.ADMINISTRATOR)), caller(make_user()), caller(make_user())
    deal = make_deal(owner.user)
    body = {"name": "Юг", "members": [owner.user.pk, mate.user.pk]}
    made = admin.post("teams/", body)
    assert (made.status_code, made.json()["members"]) == (201, sorted(body["members"]))
    team = f"teams/{made.json()['id']}/"
    assert mate.get(f"deals/{deal.pk}/").status_code == 404
    assert admin.patch(team, {"members_see_each_other": True, "name": "Юг и Кавказ"}).json()["members"] == sorted(
        body["members"]
    )
    assert mate.get(f"deals/{deal.pk}/").status_code == 200
    assert admin.patch(team, {"members": [owner.user.pk]}).json()["members"] == [owner.user.pk]
    assert mate.get(f"deals/{deal.pk}/").status_code == 404
    assert admin.get(team).json()["name"] == "Юг и Кавказ"
    assert [row["name"] for row in admin.get("teams/").json()] == ["Юг и Кавказ"]
    assert changes("team") == [("created", "token"), ("name", "token"), ("members_see_each_other", "token")]
    assert changes("user") == [("team", "token")] * 3


def test_a_team_takes_nobody_else_and_no_second_name(caller: Any) -> None:
    admin, partner = caller(make_user(Role.ADMINISTRATOR)), make_user(Role.PARTNER)
    team = make_team(name="Юг")
    for wrong in ({"name": "Юг"}, {"name": ""}, {}, {"name": "Север", "members": [partner.pk]}, {"colour": "red"}):
        answer = admin.post("teams/", wrong)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), wrong
    assert admin.patch(f"teams/{team.pk}/", {"members": [10**9]}).status_code == 400
    assert admin.get(f"teams/{10**9}/").status_code == 404
    assert Team.objects.count() == 1


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize(
    ("path", "keepers"),
    [
        ("teams/", {"administrator"}),
        ("steel/", {"administrator", "sales_head"}),
        ("templates/", {"administrator", "sales_head"}),
    ],
)
def test_closed_catalogues_are_for_those_who_keep_them(caller: Any, path: str, keepers: set[str]) -> None:
    for role in Role.values:
        person = caller(make_user(role))
        codes = {person.get(path).status_code, 403 if person.post(path).status_code == 403 else 200}
        assert codes == ({200} if role in keepers else {403}), role


def test_open_catalogues_are_read_by_everybody_and_kept_by_the_head(caller: Any) -> None:
    head, manager, partner = caller(make_user(Role.SALES_HEAD)), caller(make_user()), caller(make_user(Role.PARTNER))
    for path in ("sources/", "purposes/"):
        made = head.post(path, {"name_ru": "Выставка", "order": 3}).json()
        assert (made["code"], made["name_en"]) == ("vystavka", "Выставка")
        one = f"{path}{made['code']}/"
        assert head.patch(one, {"name_en": "Fair", "is_active": False}).json()["name_en"] == "Fair"
        assert head.patch(one, {"name_en": ""}).json()["name_en"] == "Выставка"
        for person in (manager, partner):
            assert made["code"] in {row["code"] for row in person.get(path).json()}
            assert person.patch(one, {"name_ru": "Ярмарка"}).status_code == 403
            assert person.post(path, {"name_ru": "Ярмарка"}).status_code == 403
        assert head.patch(f"{path}nothing/", {"order": 1}).status_code == 404
        assert caller(head.user, "read").post(path, {"name_ru": "Ярмарка"}).status_code == 403
    named = head.patch("purposes/vystavka/", {"synonyms": ["павильон", "стенд"]}).json()
    assert named["synonyms"] == ["павильон", "стенд"]
    assert ("created", "token") in changes("source")


@pytest.mark.rule("DEAL-2")
def test_a_row_of_steel_consumption_comes_and_goes(caller: Any) -> None:
    head = caller(make_user(Role.SALES_HEAD))
    before = len(head.get("steel/").json())
    row = head.post("steel/", {"purpose": None, "span_to": "24", "kg_per_m2": "41.5"}).json()
    assert (row["kg_per_m2"], row["span_to"], row["height_to"]) == ("41.50", "24.00", None)
    assert head.patch(f"steel/{row['id']}/", {"kg_per_m2": "40"}).json()["kg_per_m2"] == "40.00"
    for wrong in ({"kg_per_m2": "-1"}, {"kg_per_m2": "many"}, {"purpose": "nothing", "kg_per_m2": 1}, {"span_to": 5}):
        assert head.post("steel/", wrong).status_code == 400, wrong
    assert head.call("delete", f"steel/{row['id']}/").status_code == 204
    assert len(head.get("steel/").json()) == before
    assert changes("steel") == [("created", "token"), ("kg_per_m2", "token"), ("deleted", "token")]


def test_a_template_is_written_and_tried_on_a_deal(caller: Any) -> None:
    head = caller(make_user(Role.SALES_HEAD))
    body = {"name_ru": "Спасибо", "subject": "О проекте {title}", "text": "Здравствуйте, {contact}!"}
    made = head.post("templates/", body).json()
    code = made["code"]
    assert head.get(f"templates/{code}/").json() == made
    assert head.post("templates/", {**body, "text": "{nobody}"}).json()["code"] == "invalid"
    assert head.get(f"templates/{code}/preview/").status_code == 404
    client = make_client(head.user, first_name="Анна")
    deal = make_deal(head.user, contact=client, title="Склад")
    for query in ("", f"?deal={deal.pk}"):
        letter = head.get(f"templates/{code}/preview/{query}").json()
        assert (letter["deal"], letter["subject"], letter["text"]) == (
            deal.pk, "О проекте Склад", "Здравствуйте, Анна!",
        )  # fmt: skip
    head.patch(f"templates/{code}/", {"text": "{construction_start}"})
    answer = head.get(f"templates/{code}/preview/?deal={deal.pk}")
    assert (answer.status_code, answer.json()["code"]) == (400, "missing_value")
    assert head.get(f"templates/{code}/preview/?deal={10**9}").status_code == 404
    assert not Message.objects.exists()


@pytest.mark.rule("ACC-5")
def test_an_account_changed_by_a_token_says_so(caller: Any) -> None:
    admin, person = caller(make_user(Role.ADMINISTRATOR)), make_user()
    admin.patch(f"people/{person.pk}/", {"position": "Руководитель"})
    admin.post(f"people/{person.pk}/deactivate/")
    assert changes("user") == [("position", "token"), ("is_active", "token")]
    assert not User.objects.get(pk=person.pk).is_active
