"""The demo company: it loads through the services, looks alive, and goes away again."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Role, Team, User
from communications.models import Submission, WebForm
from crm import clock
from crm.models import Activity, Event, Pipeline, StageHistory, TimelineEntry
from deals.models import Deal
from leads.models import Lead
from objects_registry.models import ConstructionObject

LEADS = 30


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
