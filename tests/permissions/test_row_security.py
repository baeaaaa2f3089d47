"""The second lock: PostgreSQL holds the isolation for a query that forgot the first one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import Client
from django.urls import reverse

from accounts import identity
from accounts.models import Partner, User
from crm import row_security, visibility
from crm.models import Activity, Attachment, Change, Event, Notification, StageHistory, TimelineEntry
from deals.models import Deal
from leads.models import Lead
from partners.models import Handoff
from tests.permissions.world import MODELS, PEOPLE, World

pytestmark = [pytest.mark.django_db, pytest.mark.postgres, pytest.mark.rule("ACC-2")]

ROWS = [*MODELS, Activity]


@contextmanager
def asked_as(user: Any) -> Iterator[None]:
    """What a request of that person would find."""
    with identity._being(identity.of(user)):
        yield


@pytest.fixture
def world() -> World:
    return World()


def test_without_the_first_lock_each_person_finds_what_the_rule_says(world: World) -> None:
    """Policies are made of the rules; this compares what they answer, person by person and table by table."""
    for who in PEOPLE:
        person = world.people[who]
        for model in ROWS:
            wanted = set(model.objects.visible_to(person).values_list("pk", flat=True))
            with asked_as(person):
                found = set(model.objects.values_list("pk", flat=True))
            assert found == wanted, f"{who}: {model.__name__}"
            assert model.objects.count() > len(found) or who in {"admin", "head"} or model is Activity


def test_what_hangs_on_records_is_cut_likewise(world: World) -> None:
    for who in ("partner_a", "partner_b"):
        person = world.people[who]
        for model in (TimelineEntry, Attachment, StageHistory, Change):
            rows = visibility.visible_references(model._default_manager.all(), person)
            wanted = set(rows.values_list("pk", flat=True))
            with asked_as(person):
                found = set(model._default_manager.values_list("pk", flat=True))
            # Of timeline and files also what the manufacturer shows of a record in the partner's hands.
            handed = [row.record_id for row in Handoff.objects.filter(partner=person.partner_id, state="active")]
            more = set(model._default_manager.filter(record_type="deal", record_id__in=handed).values_list("pk"))
            assert wanted <= found, f"{who}: {model.__name__}"
            assert found - wanted <= {pk for (pk,) in more}, f"{who}: {model.__name__}"
            assert not hasattr(model, "is_internal") or not found & _internal(model)


def _internal(model: Any) -> set[int]:
    return set(model._default_manager.filter(is_internal=True).values_list("pk", flat=True))


def test_nobody_and_the_switched_off_find_nothing_at_all(world: World) -> None:
    for person in (None, world.people["switched_off"]):
        with asked_as(person):
            for label, model in row_security.tables().items():
                if label not in row_security.OPEN and label not in row_security.OF_PARTNERS:
                    assert not model._base_manager.exists(), label


def test_a_partner_knows_of_no_other_partner_and_its_people(world: World) -> None:
    person = world.people["partner_a"]
    with asked_as(person):
        assert list(Partner.objects.all()) == [person.partner]
        assert {user.partner_id for user in User.objects.all()} == {None, person.partner_id}
        assert set(Handoff.objects.values_list("partner_id", flat=True)) == {person.partner_id}
        assert not Event.objects.exists()
        assert not Notification.objects.exclude(user=person).exists()


def test_a_partner_changes_and_makes_no_row_of_others(world: World) -> None:
    from django.db import ProgrammingError, transaction

    person = world.people["partner_a"]
    foreign = [world.records[name] for name in ("lead_own", "lead_b", "deal_foreign", "contact_foreign", "object_own")]
    with asked_as(person):
        for record in foreign:
            rows = type(record).objects.filter(pk=record.pk)
            assert not rows.update(search_text="мы тут были")
            assert not rows._raw_delete("default")
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Lead.objects.filter(pk=world.records["lead_a"].pk).update(partner=world.people["partner_b"].partner)
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            TimelineEntry.objects.create(
                record_type="deal", record_id=world.records["deal_own"].pk, action="note", data={"text": "мы тут"}
            )
    for record in foreign:
        assert "мы тут были" not in type(record).objects.get(pk=record.pk).search_text


def test_a_service_of_a_partner_stays_within_its_rows_and_one_of_the_manufacturer_does_not(world: World) -> None:
    from crm.together import together

    count = together(lambda: Deal.objects.count())  # noqa: PLW0108
    with asked_as(world.people["partner_a"]):
        assert count() == Deal.objects.count() < len(world.of_model(Deal))
        with identity.as_system():
            everything = Deal.objects.count()
        assert everything >= len(world.of_model(Deal))
    with asked_as(world.people["stranger"]):
        assert Deal.objects.count() == 1
        assert count() == everything


def test_the_product_holds_for_a_partner_with_the_first_lock_taken_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.people["partner_a"]
    monkeypatch.setattr(visibility, "restrict", lambda rows, _user, _action="view": rows)
    monkeypatch.setattr(visibility, "readable_by", lambda rows, _user: rows)
    browser = Client()
    browser.force_login(person)
    mine, theirs = world.records["twin_a"], world.records["deal_b"]
    assert browser.get(mine.get_absolute_url()).status_code == 200
    for name, record in world.records.items():
        if name not in world.seen("partner_a"):
            assert browser.get(record.get_absolute_url()).status_code == 404, name
            assert browser.get(f"/api/v1/{_word(record)}/{record.pk}/").status_code == 404, name
    listed = browser.get("/api/v1/deals/", {"count": "exact"}).json()
    assert {row["id"] for row in listed["results"]} == {mine.pk}
    assert listed["count"] == 1
    page = browser.get(reverse("deal-list")).content.decode()
    assert mine.get_absolute_url() in page
    assert theirs.get_absolute_url() not in page
    file = Attachment.objects.get(name="deal_b.txt")
    assert browser.get(reverse("attachment-download", args=[file.pk])).status_code == 404


def _word(record: Any) -> str:
    return {"company": "companies"}.get(record.RECORD_TYPE, f"{record.RECORD_TYPE}s")


def test_a_rolled_back_savepoint_does_not_bring_an_identity_back(world: World) -> None:
    from django.db import transaction

    with asked_as(world.people["partner_a"]):
        before = Deal.objects.count()
        with transaction.atomic(), identity.as_system():
            assert Deal.objects.count() > before
            transaction.set_rollback(True)
        assert Deal.objects.count() == before


def test_statements_that_take_nothing_ahead_carry_it_too(world: World) -> None:
    with asked_as(world.people["partner_a"]):
        assert {deal.partner_id for deal in Deal.objects.iterator(chunk_size=1)} == {
            world.people["partner_a"].partner_id
        }
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE deals_deal SET title = %s WHERE id = %s", [("Мы", world.records["deal_b"].pk)])
    assert Deal.objects.get(pk=world.records["deal_b"].pk).title != "Мы"


# -- the database itself ----------------------------------------------------------------------------------------------


def unsaid() -> set[str]:
    """Tables that stand in no list: no role but the heads' has a policy there."""
    seen: dict[str, set[str]] = {}
    for table, seen_as, _rows in row_security.policies():
        seen.setdefault(table, set()).add(seen_as)
    return {table for table, roles in seen.items() if roles == {identity.ALL}}


def test_every_table_says_whose_rows_it_holds() -> None:
    assert unsaid() == set(), "say in crm.row_security whose rows these are"
    known = {table for table, _seen_as, _rows in row_security.policies()}
    unguarded = {m._meta.db_table for label, m in row_security.tables().items() if label in row_security.OPEN}
    assert known | unguarded == {model._meta.db_table for model in row_security.tables().values()}
    assert not known & unguarded
    assert {label for label in row_security.OPEN if label not in row_security.tables()} == set()


def test_a_new_table_without_a_word_about_it_is_closed_and_noticed() -> None:
    class Secret(models.Model):
        class Meta:
            app_label = "crm"
            managed = False

    from django.apps import apps

    try:
        assert unsaid() == {"crm_secret"}
    finally:
        del apps.all_models["crm"]["secret"]
        apps.clear_cache()


def test_the_command_finds_an_open_door() -> None:
    login = row_security.settings.WEB_LOGIN
    assert row_security.open_doors(login) == []
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_contact DISABLE ROW LEVEL SECURITY")
        cursor.execute(f"DROP POLICY {login}_partner ON deals_deal")
    assert row_security.open_doors(login) == [
        "crm_contact: row-level security is off.",
        f"deals_deal: the policy {login}_partner is missing.",
    ]
    assert "no login" in row_security.open_doors("crm_nobody")[0]


def test_the_command_makes_and_looks(capsys: pytest.CaptureFixture[str], settings: Any) -> None:
    call_command("secure_database")
    assert "The second lock holds." in capsys.readouterr().out
    assert row_security.check_web_login() == []
    settings.WEB_LOGIN = ""
    (warning,) = row_security.check_web_login()
    assert warning.id == "crm.W001"
    with pytest.raises(CommandError, match="WEB_DATABASE_URL"):
        call_command("secure_database", "--check")


@pytest.mark.django_db(transaction=True)
def test_a_pooled_connection_hands_no_identity_on() -> None:
    """The web's real login, over one connection that three people use in turn, in transactions and without."""
    from django.db import transaction

    world = World()
    login = row_security.settings.WEB_LOGIN
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {login} LOGIN")
    wanted = {who: set(Deal.objects.visible_to(world.people[who]).values_list("pk")) for who in PEOPLE}
    options = {**connection.settings_dict["OPTIONS"], "pool": {"min_size": 1, "max_size": 1, "timeout": 10}}
    web = DatabaseWrapper({**connection.settings_dict, "USER": login, "OPTIONS": options}, alias="web")
    rows = "SELECT id FROM deals_deal"
    try:
        backends = set()
        for who in ("partner_a", "head", "partner_b", "owner", "partner_a"):
            with asked_as(world.people[who]):
                assert set(_fetched(web, rows)) == wanted[who], who
                web.set_autocommit(False)
                assert set(_fetched(web, rows)) == wanted[who], who
                backends.add(web.connection.info.backend_pid)
                web.rollback()
            web.close()
            # What asks without a word, as code outside a request would, is answered nothing.
            assert _fetched(web, rows) == []
            with asked_as(None):
                assert _fetched(web, rows) == []
            web.close()
        assert len(backends) == 1
        with pytest.raises(Exception, match="must be owner"), asked_as(world.people["head"]):
            _fetched(web, "ALTER TABLE deals_deal DISABLE ROW LEVEL SECURITY")
    finally:
        web.close()
        web.close_pool()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"ALTER ROLE {login} NOLOGIN")


def _fetched(web: Any, sql: str) -> list[Any]:
    with web.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())
