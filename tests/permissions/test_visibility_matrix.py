"""Who sees what: every role over every kind of record, in querysets, counts, search, files, timelines and pages."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import reverse

from crm import pipelines, scope, services, timeline, visibility
from crm.models import Activity, Attachment, Change, StageHistory, TimelineEntry
from crm.querysets import Action, VisibleQuerySet
from crm.visibility import visible_record, visible_references
from deals.models import Deal
from leads.models import Lead
from partners.handoff import recall
from partners.models import Handoff
from tests.factories import make_user
from tests.permissions.world import CHANGERS, MODELS, PEOPLE, VIEWERS, WORDS, World

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-1")]


@pytest.fixture
def world() -> World:
    return World()


def test_every_model_that_asks_who_may_see_it_has_a_rule() -> None:
    asking = {
        model._meta.label
        for model in apps.get_models()
        if issubclass(getattr(model._default_manager, "_queryset_class", object), VisibleQuerySet)
    }
    assert asking == set(visibility.RULES)


def check(world: World) -> None:
    """Compare lists, counts and single gates with the table of the world."""
    for who in PEOPLE:
        user = world.people[who]
        for model in MODELS:
            names = world.of_model(model)
            rows = model._default_manager.visible_to(user).filter(pk__in=[record.pk for record in names.values()])
            wanted = world.seen(who) & names.keys()
            assert world.named(rows) == wanted, f"{who} views {model.__name__}"
            assert rows.count() == len(wanted), f"{who} counts {model.__name__}"
            changeable = world.named(model._default_manager.visible_to(user, "change"))
            assert changeable == world.seen(who, CHANGERS) & names.keys(), f"{who} changes {model.__name__}"
            for name, record in names.items():
                found = visible_record(record.RECORD_TYPE, record.pk, user)
                assert (found is not None) == (name in wanted), f"{who} opens {name}"


def test_everybody_sees_and_changes_exactly_what_they_should(world: World) -> None:
    check(world)


def test_a_record_at_hand_tells_what_the_database_tells(world: World) -> None:
    told = set()
    for who in PEOPLE:
        user = world.people[who]
        for model in MODELS:
            for action in get_args(Action):
                reached = set(model._default_manager.visible_to(user, action))
                for name, record in world.of_model(model).items():
                    fresh = model._default_manager.get(pk=record.pk)
                    told.add(visibility.reaches(fresh, user, action))
                    assert visibility.reaches(fresh, user, action) == (record in reached), f"{who} {action} {name}"
    assert told == {True, False}


def test_what_columns_cannot_tell_is_asked_of_the_database(world: World, django_assert_num_queries: Any) -> None:
    lead = next(record for record in world.of_model(Lead).values() if record.partner_id is None)
    with scope.opened():
        list(visibility.covered_user_ids(world.people["owner"]))
        with django_assert_num_queries(0):
            visibility.reaches(lead, world.people["owner"], "change")


@pytest.mark.parametrize("label", ["leads.Lead", "deals.Deal", "crm.Contact", "objects_registry.ConstructionObject"])
def test_the_comparison_notices_a_rule_that_lets_too_much_through(
    world: World, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(visibility.RULES, label, lambda user, action: visibility.EVERYTHING)
    with pytest.raises(AssertionError):
        check(world)


def test_search_finds_only_what_may_be_seen(world: World) -> None:
    for who in PEOPLE:
        for name, record in world.records.items():
            found = type(record)._default_manager.visible_to(world.people[who]).search(WORDS[name])
            assert (name in world.named(found)) == (name in world.seen(who)), f"{who} finds {name}"


def test_a_stranger_and_nobody_see_nothing(world: World) -> None:
    for model in MODELS:
        assert not model._default_manager.visible_to(AnonymousUser()).exists()


def test_without_the_teams_setting_a_teammate_sees_nothing(world: World) -> None:
    team: Any = world.people["teammate"].team
    team.members_see_each_other = False
    team.save()
    teammate = type(world.people["teammate"]).objects.get(pk=world.people["teammate"].pk)
    for model in MODELS:
        assert not model._default_manager.visible_to(teammate).exists()


# -- what hangs on records --------------------------------------------------------------------------------------------


def test_files_are_seen_with_their_record_and_internal_ones_never_by_partners(world: World) -> None:
    for who in PEOPLE:
        user = world.people[who]
        rows = visible_references(Attachment.objects.exclude(name__endswith="-internal.txt"), user)
        seen = {row.name.removesuffix(".txt") for row in rows}
        wanted = world.seen(who)
        if user.is_partner:
            wanted = {name for name in wanted if not name.startswith(("contact", "company"))}
        assert seen == wanted, who
        internal = visible_references(Attachment.objects.filter(name__endswith="-internal.txt"), user)
        assert internal.exists() == (not user.is_partner and bool(wanted)), who


def test_timelines_and_histories_are_seen_with_their_record(world: World) -> None:
    for who in PEOPLE:
        user = world.people[who]
        seen = {(kind, pk) for name in world.seen(who) for kind, pk in [key_of(world.records[name])]}
        for model in (TimelineEntry, Change, StageHistory):
            rows = visible_references(model.objects.all(), user)
            found = {(row.record_type, row.record_id) for row in rows}
            known = {key_of(record) for record in world.records.values()}
            assert found & known <= seen, f"{who} reads {model.__name__}"
            if not user.is_partner and model is TimelineEntry:
                assert found & known == seen, who


def key_of(record: Any) -> tuple[str, int]:
    return str(record.RECORD_TYPE), record.pk


def test_a_partner_reads_on_a_shared_client_only_its_own_lines(world: World) -> None:
    contact, user = world.records["contact_handed"], world.people["partner_a"]
    assert list(timeline.entries_for(contact, user)) == []
    services.note_add(contact, text="Клиент просил счёт", by=user)
    assert [entry.data["text"] for entry in timeline.entries_for(contact, user)] == ["Клиент просил счёт"]
    texts = {entry.data.get("text") for entry in timeline.entries_for(contact, world.people["owner"])}
    assert {"заметка contact_handed", "Клиент просил счёт"} <= texts


def test_a_partner_does_not_read_another_partners_file_of_the_same_object(world: World) -> None:
    obj = world.records["object_handed"]
    Attachment.objects.create(
        record_type="object", record_id=obj.pk, name="КП.pdf", size=1, uploaded_by=world.people["partner_b"]
    )
    names = {row.name for row in visible_references(Attachment.objects.all(), world.people["partner_a"])}
    assert "object_handed.txt" in names
    assert "КП.pdf" not in names


def test_after_a_recall_the_way_to_the_client_is_closed(world: World) -> None:
    handoff = Handoff.objects.get(state=Handoff.State.ACTIVE)
    partner = world.people["partner_a"]
    recall(handoff_id=handoff.pk, by=world.people["head"], reason="Вернули себе")
    assert world.records["twin_a"] in Deal.objects.visible_to(partner)
    for kind in ("contact", "company", "object"):
        record = world.records[f"{kind}_handed"]
        assert visible_record(kind, record.pk, partner) is None
        assert record in type(record).objects.visible_to(world.people["owner"])


def test_tasks_are_seen_by_who_has_them_who_gave_them_and_whose_record_it_is(world: World) -> None:
    people, now = world.people, world.records["deal_own"].created_at
    deal, twin = world.records["deal_own"], world.records["twin_a"]
    given = services.activity_create(deal, title="А", due_at=now, responsible=people["head"], by=people["head"])
    own = services.activity_create(deal, title="Б", due_at=now, responsible=people["owner"], by=people["owner"])
    theirs = services.activity_create(
        twin, title="В", due_at=now, responsible=people["partner_a"], by=people["partner_a"]
    )
    wanted = {
        "head": {given, own, theirs}, "admin": {given, own, theirs}, "owner": {given, own}, "teammate": {own},
        "stranger": set(), "operator": set(), "control": {theirs}, "partner_a": {theirs}, "partner_b": set(),
        "switched_off": set(),
    }  # fmt: skip
    for who, tasks in wanted.items():
        rows = Activity.objects.visible_to(people[who]).filter(pk__in=[given.pk, own.pk, theirs.pk])
        assert set(rows) == tasks, who
    assert set(Activity.objects.visible_to(people["owner"], "change")) == {own}
    assert theirs not in Activity.objects.visible_to(people["control"], "change")


# -- pages and the API ------------------------------------------------------------------------------------------------


@pytest.fixture
def browsers(world: World) -> dict[str, Client]:
    made = {}
    for who in PEOPLE:
        if world.people[who].is_active:
            made[who] = Client(raise_request_exception=True)
            made[who].force_login(world.people[who])
    return made


def test_a_card_that_may_not_be_seen_does_not_exist(world: World, browsers: dict[str, Client]) -> None:
    for who, browser in browsers.items():
        for name, record in world.records.items():
            answer = browser.get(record.get_absolute_url())
            expected = 200 if name in world.seen(who) else 404
            assert answer.status_code == expected, f"{who} opens {name}"


def test_lists_and_search_pages_show_nothing_foreign(world: World, browsers: dict[str, Client]) -> None:
    for who, browser in browsers.items():
        for model in MODELS:
            answer = browser.get(reverse(f"{model.RECORD_TYPE}-list"))
            if answer.status_code != 200:
                assert not world.seen(who) & world.of_model(model).keys(), f"{who} is shut out of {model.__name__}"
                continue
            text = answer.content.decode()
            for name in world.of_model(model):
                if name not in world.seen(who):
                    assert WORDS[name] not in text, f"{who} reads {name} in a list"
        for name in set(VIEWERS) - world.seen(who):
            text = browser.get(reverse("web:search"), {"q": WORDS[name]}).content.decode()
            assert f'"{world.records[name].get_absolute_url()}"' not in text, f"{who} finds {name}"
    shown = browsers["owner"].get(reverse("web:search"), {"q": WORDS["lead_own"]}).content.decode()
    assert f'"{world.records["lead_own"].get_absolute_url()}"' in shown


def test_files_are_served_with_their_record_only(world: World, browsers: dict[str, Client]) -> None:
    kept = Attachment.objects.get(name="deal_own.txt")
    internal = Attachment.objects.get(name="twin_a-internal.txt")
    for who, browser in browsers.items():
        if who not in VIEWERS["deal_own"]:
            assert browser.get(reverse("attachment-download", args=[kept.pk])).status_code == 404, who
        if who.startswith("partner"):
            assert browser.get(reverse("attachment-download", args=[internal.pk])).status_code == 404, who


@pytest.mark.parametrize(("address", "model"), [("leads", Lead), ("deals", Deal)])
def test_the_api_lists_exactly_what_may_be_seen(
    world: World, browsers: dict[str, Client], address: str, model: Any
) -> None:
    for who, browser in browsers.items():
        body = browser.get(f"/api/v1/{address}/", {"limit": 100}).json()
        ids = {row["id"] for row in body["results"]}
        wanted = {record.pk for name, record in world.of_model(model).items() if name in world.seen(who)}
        known = {record.pk for record in world.of_model(model).values()}
        assert ids & known == wanted, who
        for name, record in world.of_model(model).items():
            status = browser.get(f"/api/v1/{address}/{record.pk}/").status_code
            assert status == (200 if name in world.seen(who) else 404), f"{who} opens {name}"


# -- no way around ----------------------------------------------------------------------------------------------------


def test_a_partner_cannot_link_a_client_it_does_not_see(world: World) -> None:
    from crm.errors import InvalidInput

    twin, user = world.records["twin_a"], world.people["partner_a"]
    for kind in ("contact", "company", "object"):
        foreign = world.records[f"{kind}_foreign"]
        for value in (foreign, foreign.pk):
            with pytest.raises(InvalidInput):
                services.record_update(Deal.objects.get(pk=twin.pk), data={kind: value}, by=user)
    assert visible_record("contact", world.records["contact_foreign"].pk, user) is None
    services.record_update(
        Deal.objects.get(pk=twin.pk), data={"contact": world.records["contact_handed"], "amount": 5}, by=user
    )


def test_a_partner_cannot_give_its_record_to_another_side_nor_make_one_there(world: World) -> None:
    from crm.errors import InvalidInput

    lead, user = world.records["lead_a"], world.people["partner_a"]
    for other in ("owner", "partner_b"):
        with pytest.raises(InvalidInput):
            services.record_update(Lead.objects.get(pk=lead.pk), data={"responsible": world.people[other]}, by=user)
    with pytest.raises(InvalidInput):
        services.record_create(Lead, data={"title": "Чужой"}, by=user, pipeline="lead")
    with pytest.raises(InvalidInput):
        services.record_update(
            Lead.objects.get(pk=world.records["lead_own"].pk), data={"responsible": user}, by=world.people["head"]
        )


def test_stages_offered_are_those_of_the_persons_own_pipelines(world: World) -> None:
    from crm.stages import visible_pipelines

    with scope.opened():
        codes = {
            who: {row.code for row in visible_pipelines("deal", world.people[who])} for who in ("owner", "partner_a")
        }
        every = {row.code for row in pipelines.pipelines_of("deal")}
    assert codes == {"owner": {"deal"}, "partner_a": {"partner_deal"}}
    assert {row.code for row in visible_pipelines("deal", make_user("sales_head"))} == every
