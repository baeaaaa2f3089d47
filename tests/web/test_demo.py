"""The demo company: it loads through the services, looks alive, and goes away again."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Role, Team, User
from communications.models import Call, Submission, WebForm
from crm import clock
from crm.models import Activity, Event, Pipeline, RefusalReason, StageHistory, TimelineEntry
from deals.models import Deal, Document, Product
from leads.models import Lead
from objects_registry.models import ConstructionObject
from web.demo import words
from web.demo.wishes import latin

LEADS = 30
MOSCOW = ZoneInfo("Europe/Moscow")


def load(leads: int = LEADS) -> str:
    out = StringIO()
    call_command("load_demo", leads=leads, stdout=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_demo_loads_looks_alive_and_is_cleared(settings, monkeypatch, caplog):
    settings.DEMO = True
    load()
    assert User.objects.filter(partner__isnull=True).count() == 12
    assert {role for role, _label in Role.choices} == set(User.objects.values_list("role", flat=True))
    assert Lead.objects.filter(partner__isnull=True).count() >= LEADS
    assert Lead.objects.filter(created_at__gte=clock.now() - timedelta(days=2)).exists()
    lost = Lead.objects.filter(stage__in=["lead:not_our_product", "lead:stalled", "lead:no_contact"])
    assert lost.exists()
    assert all(lead.refusal_comment for lead in lost)
    assert Deal.objects.filter(partner__isnull=True).exists()
    assert ConstructionObject.objects.exists()
    assert Activity.objects.exists()
    assert not Event.objects.exclude(state=Event.State.DONE).exists()
    assert StageHistory.objects.order_by("at")[0].at < clock.now() - timedelta(days=200)
    assert Submission.objects.filter(state=Submission.State.FAILED).count() >= 2
    assert WebForm.objects.filter(key="demo-site").exists()
    assert Product.objects.filter(per_tonne=True).exists()
    for document in Document.objects.exclude(kind="invoice").select_related("deal"):
        assert document.deal.amount == document.total > 0
    assert not [entry for entry in caplog.records if entry.levelname in {"ERROR", "CRITICAL"}]

    out = StringIO()
    call_command("load_demo", print_logins=True, stdout=out)
    for name in ("admin", "head", "manager", "operator", "control", "partner"):
        assert f"{name}@example.com" in out.getvalue()
    with pytest.raises(CommandError):
        load()

    monkeypatch.setattr("builtins.input", lambda _question: "no")
    with pytest.raises(CommandError):
        call_command("clear_demo", stdout=StringIO())
    assert Lead.objects.exists()
    call_command("clear_demo", yes=True, stdout=StringIO())
    for model in (User, Team, Lead, Deal, TimelineEntry, Activity, Submission, WebForm):
        assert not model.objects.exists(), model
    assert Pipeline.objects.count() >= 5


@pytest.mark.django_db(transaction=True)
def test_a_demo_of_many_lives_gets_to_its_end(settings, caplog):
    """So many leads that each life of the story is led by some: lives that few lead must not stop the loading."""
    if connection.vendor != "sqlite":
        pytest.skip("The embedded demo is on SQLite; the lives are the same.")
    settings.DEMO = True
    call_command("load_demo", leads=600, stdout=StringIO())
    assert Lead.objects.filter(partner__isnull=True).count() >= 600
    assert Deal.objects.filter(stage="partner_deal:won", company__isnull=False).exists()
    assert not [entry for entry in caplog.records if entry.levelname in {"ERROR", "CRITICAL"}]


@pytest.fixture
def year(clock_at_work, settings):
    """The demo of few leads, loaded on a Thursday at noon."""
    settings.DEMO = True
    load()


@pytest.fixture
def clock_at_work():
    with clock.frozen(datetime(2026, 3, 5, 12, 20, tzinfo=MOSCOW)):
        yield


@pytest.mark.django_db(transaction=True)
def test_the_same_seed_tells_the_same_year(year):
    def told() -> list[tuple[str, ...]]:
        columns = ("title", "request_text", "email", "phone", "stage", "refusal_comment")
        rows = Lead.objects.values_list(*columns)
        # The title of a copy names its deal by the number that the database gave.
        return sorted((re.sub(r"№\d+", "№", title), *rest) for title, *rest in rows)

    first = told()
    call_command("clear_demo", yes=True, stdout=StringIO())
    load()
    assert told() == first


@pytest.mark.django_db(transaction=True)
def test_what_is_written_fits_the_fields(year):
    """Sizes, reasons, prices and mailboxes say the same as the columns beside them."""
    for lead in Lead.objects.select_related("deal", "refusal_reason", "purpose"):
        told = re.search(r"(\d+)×(\d+) м", lead.request_text)
        for record in (lead, lead.deal):
            if told and record is not None and record.length and not lead.is_repeat:
                assert (int(record.length), int(record.width)) == (int(told[1]), int(told[2])), lead.request_text
                assert lead.request_text.lower().find(words.NAMES[record.purpose_id].nominative[:4]) >= 0
        if "×" in lead.refusal_comment and told:
            assert told[0] in lead.refusal_comment
        if lead.company_name and lead.email:
            assert lead.email.split("@")[1] == f"{latin(lead.company_name.split('«')[1].rstrip('»'))}.example"
    for deal in Deal.objects.exclude(refusal_comment=""):
        percent = re.search(r"(\d+)\s%", deal.refusal_comment)
        assert bool(percent) == bool(deal.competitor_price)
        if percent and deal.amount:
            assert abs(deal.competitor_price / deal.amount - (1 - Decimal(percent[1]) / 100)) < Decimal("0.01")
            assert deal.competitor in deal.refusal_comment


@pytest.mark.django_db(transaction=True)
def test_nobody_works_at_night_or_on_sunday(year):
    due = [task.due_at.astimezone(MOSCOW) for task in Activity.objects.all()]
    assert due
    assert not [at for at in due if not time(9) <= at.time() <= time(18) or at.weekday() >= 5]
    called = [call.at.astimezone(MOSCOW) for call in Call.objects.all()]
    assert called
    assert not [at for at in called if not 9 <= at.hour < 18]


@pytest.mark.django_db(transaction=True)
def test_only_the_last_days_work_is_overdue(year):
    late = Activity.objects.undone().filter(due_at__lt=clock.now())
    assert not late.filter(due_at__lt=clock.now() - timedelta(days=7)).exists()
    assert late.filter(record_type="lead", record_id__in=Lead.objects.exclude(closed_at=None).values("pk")).count() <= 3


@pytest.mark.django_db
def test_every_shipped_reason_of_a_refusal_has_words_of_its_own():
    names = set(RefusalReason.objects.exclude(stage__pipeline__record_type="object").values_list("name_ru", flat=True))
    clients = set(RefusalReason.objects.filter(stage__code="excluded").values_list("name_ru", flat=True))
    names -= {*clients, "Другое"}
    assert names <= {*words.DEAL_COMMENTS, *words.LEAD_COMMENTS, *(odd.reason for odd in words.OFF_TOPIC)}


@pytest.mark.django_db
def test_a_real_installation_is_never_cleared(settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match="no demo"):
        call_command("clear_demo", yes=True)


def test_a_year_has_seasons_working_hours_and_a_fresh_today():
    import random
    from zoneinfo import ZoneInfo

    from web.demo.build import moments
    from web.demo.world import World

    now = clock.now()
    world = World(chance=random.Random(1), zone=ZoneInfo("Europe/Moscow"))
    found = moments(world, 1000, now)
    assert found == sorted(found)
    assert len(found) == 1000
    assert found[-1] < now
    assert sum(at > now - timedelta(days=2) for at in found) >= 10
    assert sum(8 <= at.astimezone(world.zone).hour < 19 for at in found) > 700
    again = moments(World(chance=random.Random(1), zone=ZoneInfo("Europe/Moscow")), 1000, now)
    assert found == again
