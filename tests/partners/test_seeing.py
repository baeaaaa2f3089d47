"""Who controls partners looks at a cabinet with the eyes of its person: sees the same, and can do nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken
from accounts.services import token_hash
from crm import read_only, visibility
from crm.models import Change, TimelineEntry
from crm.read_only import OnlyLookingError
from deals.models import Deal
from tests.factories import make_user
from tests.partners.scene import HTMX, Scene, browser
from tests.permissions.test_url_matrix import Rows, answer_of
from tests.permissions.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.rule("PART-4")]


@pytest.fixture
def scene(clock: Any) -> Scene:
    return Scene()


def looking(viewer: Any, person: Any, **more: Any) -> Client:
    """The browser of somebody who looks with the eyes of that person."""
    office = browser(viewer)
    answer = office.post(reverse("partner-see", args=[person.partner_id]), {"person": person.pk, **more})
    assert answer.status_code == 302, answer.content.decode()[:300]
    return office


def trail() -> list[tuple[str, Any, Any]]:
    rows = Change.objects.filter(record_type="security", field__startswith="seeing").order_by("pk")
    return list(rows.values_list("field", "record_id", "actor_user_id"))


def test_control_sees_the_cabinet_as_its_person_and_leaves_it(scene: Scene) -> None:
    _handoff, twin = scene.handed(scene.deal())
    _other, foreign = scene.handed(scene.deal(), to=scene.other.partner)
    office = looking(scene.control, scene.dealer)
    page = office.get("/cabinet/new/")
    assert page.status_code == 200
    assert twin.get_absolute_url() in page.content.decode()
    assert "Дилер А" in page.content.decode()
    assert office.get(twin.get_absolute_url()).status_code == 200
    assert office.get(foreign.get_absolute_url()).status_code == 404, "control alone would see it"
    assert office.get("/partners/control/").status_code == 403
    assert office.get(f"/api/v1/deals/{foreign.pk}/").status_code == 404
    assert [row["id"] for row in office.get("/api/v1/deals/").json()["results"]] == [twin.pk]
    for address in ("/profile/", "/profile/tokens/", "/profile/security/", "/accounts/2fa/", "/api/v1/me/tokens/"):
        assert office.get(address).status_code == 403, address
    answer = office.post("/partners/see/end/")
    assert answer["Location"] == reverse("partner-detail", args=[scene.partner.pk])
    assert office.get("/partners/control/").status_code == 200
    assert office.get(foreign.get_absolute_url()).status_code == 200
    who = (scene.dealer.pk, scene.control.pk)
    assert trail() == [("seeing_began", *who), ("seeing_ended", *who)]


def test_nothing_is_done_while_looking(scene: Scene) -> None:
    handoff, twin = scene.handed(scene.deal())
    office = looking(scene.head, scene.dealer)
    before = (Deal.objects.get(pk=twin.pk).version, TimelineEntry.objects.count(), Change.objects.count())
    move = reverse("deal-move", args=[twin.pk])
    assert office.post(move, {"to": "partner_deal:contacted"}).status_code == 403
    dialog = office.post(move, {"to": "partner_deal:contacted"}, headers=HTMX)
    assert (dialog.status_code, dialog["HX-Retarget"]) == (409, "#dialog-body")
    posts = (
        reverse("deal-note", args=[twin.pk]), reverse("handoff-recall", args=[handoff.pk]), "/i18n/setlang/",
        reverse("accounts:sessions-end"), reverse("deal-bulk-export"), "/accounts/password/change/",
        reverse("partner-see", args=[scene.other.partner_id]),
    )  # fmt: skip
    for address in posts:
        assert office.post(address, {"text": "x", "reason": "Надо", "language": "en"}).status_code == 403, address
    for method in ("patch", "put", "delete", "post"):
        answer = getattr(office, method)(f"/api/v1/deals/{twin.pk}/", {"amount": 5}, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "only_looking")
    after = (Deal.objects.get(pk=twin.pk).version, TimelineEntry.objects.count(), Change.objects.count())
    assert after == before
    # The last, for the refused write breaks the transaction of the test.
    assert office.get("/deals/export/").status_code == 403, "a file is made by whoever answers for it"


def test_every_page_answers_as_to_the_person_and_none_writes(clock: Any) -> None:
    world = World()
    rows = Rows(world).rows
    person = world.people["partner_a"]
    own, office = browser(person), looking(world.people["admin"], person)
    closed = {"accounts", "partner-see-end", "calendar-feed", "settings-transfer-download"}
    asked = 0
    for name, (method, args, codes) in rows.items():
        if method != "GET" or name.split(":")[0] in closed or name.endswith("-export") or codes.endswith("403"):
            continue
        url = reverse(name, args=args)
        assert answer_of(office, "GET", url).status_code == answer_of(own, "GET", url).status_code, url
        asked += 1
    for name in ("detail", "edit", "move", "timeline"):
        url = reverse(f"deal-{name}", args=[world.records["twin_a"].pk])
        assert answer_of(office, "GET", url).status_code == answer_of(own, "GET", url).status_code, url
    assert asked > 60


def test_only_who_controls_partners_looks_and_only_with_a_living_persons_eyes(scene: Scene) -> None:
    url = reverse("partner-see", args=[scene.partner.pk])
    for stranger in (scene.manager, scene.operator, scene.dealer, scene.other):
        assert browser(stranger).post(url).status_code == 404
    office = browser(scene.head)
    assert office.get(url).status_code == 405
    for person in (scene.other.pk, scene.manager.pk, 10**9):
        assert office.post(url, {"person": person}).status_code == 404
    type(scene.dealer).objects.filter(partner=scene.partner).update(is_active=False)
    assert office.post(url).status_code == 422
    assert trail() == []
    assert office.get("/partners/control/").status_code == 200


def test_it_ends_with_the_time_the_person_the_right_and_the_session(scene: Scene, clock: Any) -> None:
    _handoff, twin = scene.handed(scene.deal())
    note = reverse("deal-note", args=[twin.pk])
    late = looking(scene.control, scene.dealer)
    clock.travel(hours=2)
    assert late.post(note, {"text": "как я сам"}).status_code == 403, "nor is it done as oneself"
    assert late.get("/partners/control/").status_code == 200
    gone = looking(scene.control, scene.dealer)
    type(scene.dealer).objects.filter(pk=scene.dealer.pk).update(is_active=False)
    assert gone.get("/cabinet/new/").status_code == 302
    out = looking(scene.control, scene.colleague)
    out.post("/accounts/logout/")
    demoted = looking(scene.control, scene.colleague)
    type(scene.control).objects.filter(pk=scene.control.pk).update(role="sales_manager")
    assert demoted.get("/cabinet/new/").status_code == 302
    assert demoted.get("/cabinet/new/").status_code == 403
    assert [field for field, _row, _who in trail()] == ["seeing_began", "seeing_ended"] * 4
    assert not TimelineEntry.objects.filter(action="note").exists()


def test_a_token_is_its_owners_beside_such_a_session(scene: Scene) -> None:
    _handoff, foreign = scene.handed(scene.deal(), to=scene.other.partner)
    office = looking(scene.control, scene.dealer)
    ApiToken.objects.create(user=scene.control, name="x", prefix="crm_x", hash=token_hash("secret"), scopes=["read"])
    address = f"/api/v1/deals/{foreign.pk}/"
    assert office.get(address, headers={"Authorization": "Bearer secret"}).status_code == 200
    assert office.get(address, headers={"Authorization": "Basic secret"}).status_code == 404


@pytest.mark.postgres
@pytest.mark.rule("ACC-2")
def test_the_database_sees_the_partner_with_the_first_lock_taken_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _handoff, twin = scene.handed(scene.deal())
    _other, foreign = scene.handed(scene.deal(), to=scene.other.partner)
    office = looking(scene.head, scene.dealer)
    monkeypatch.setattr(visibility, "restrict", lambda rows, _user, _action="view": rows)
    assert office.get(twin.get_absolute_url()).status_code == 200
    assert office.get(foreign.get_absolute_url()).status_code == 404
    assert {row["id"] for row in office.get("/api/v1/deals/").json()["results"]} == {twin.pk}
    office.post("/partners/see/end/")
    assert office.get(foreign.get_absolute_url()).status_code == 200


@pytest.mark.rule("ACC-1")
def test_no_statement_changes_anything_while_one_looks() -> None:
    person = make_user()
    group = Group.objects.create(name="Было")
    with read_only.nothing_changes():
        assert Group.objects.filter(name="Было").exists()
        for change in (
            lambda: Group.objects.create(name="Стало"),
            lambda: Group.objects.update(name="Стало"),
            group.delete,
            lambda: Group.objects.bulk_create([Group(name="Стало")]),
            lambda: connection.cursor().execute("WITH x AS (SELECT 1) DELETE FROM auth_group"),
        ):
            with pytest.raises(OnlyLookingError), transaction.atomic():
                change()  # type: ignore[operator]
    assert Group.objects.get().name == "Было"
    person.delete()
