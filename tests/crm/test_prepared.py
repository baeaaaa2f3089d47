"""Queries that are put together once: they answer what the ORM would, and see a change at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import User
from crm import pipelines, preferences, scope
from crm.models import Stage
from crm.prepared import MOMENT, NUMBER, TEXT, Kept, Prepared
from crm.signin import Backend, SessionStore
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_a_query_runs_with_other_values_each_time(django_assert_num_queries):
    ours, other = make_user(), make_user()
    query = Prepared(lambda pk, email: User.objects.filter(pk=pk, email=email), NUMBER, TEXT)
    with django_assert_num_queries(3):
        assert query.first(ours.pk, ours.email) == ours
        assert query.first(other.pk, other.email) == other
        assert query.first(other.pk, ours.email) is None


def test_two_values_of_a_kind_are_told_apart():
    ours, other = make_user(), make_user()
    query = Prepared(lambda email, name: User.objects.filter(email=email, last_name=name), TEXT, TEXT)
    assert query.all(ours.email, ours.last_name) == [ours]
    assert query.all(other.email, f"{ours.last_name}ъ") == []


def test_a_moment_is_compared_as_the_database_keeps_it():
    user, now = make_user(), timezone.now()
    query = Prepared(lambda at: User.objects.filter(date_joined__lt=at), MOMENT)
    assert user in query.made(query.raw(now + timedelta(seconds=5)))
    assert query.raw(now - timedelta(days=1)) == []


def test_joined_records_and_every_column_come_as_from_the_orm():
    query = Prepared(lambda key: Stage.objects.filter(key=key).select_related("pipeline"), TEXT)
    found, usual = query.first("deal:costing"), Stage.objects.select_related("pipeline").get(key="deal:costing")
    assert found is not None
    for field in Stage._meta.concrete_fields:
        assert field.value_from_object(found) == field.value_from_object(usual), field.name
    assert found.pipeline.name_ru == usual.pipeline.name_ru


def test_rows_are_made_again_only_when_they_changed():
    made: list[int] = []

    def make(rows: list[User]) -> list[User]:
        made.append(len(rows))
        return list(rows)

    kept = Kept(User.objects.order_by, make)
    user = make_user()
    assert kept.get() == kept.get()
    assert len(made) == 1
    User.objects.filter(pk=user.pk).update(last_name="Другая")
    assert next(row for row in kept.get() if row.pk == user.pk).last_name == "Другая"
    assert len(made) == 2


def test_a_change_of_stages_and_settings_shows_in_the_next_request():
    with scope.opened():
        assert pipelines.stage("deal:costing").norm_hours != 7
    Stage.objects.filter(key="deal:costing").update(norm_hours=7)
    with scope.opened():
        assert pipelines.stage("deal:costing").norm_hours == 7
        assert preferences.get("dormant_days") == 365
        preferences.set_value("dormant_days", 30)
        assert preferences.get("dormant_days") == 30


@pytest.mark.rule("ACC-4")
def test_a_session_and_a_person_are_found_as_long_as_they_are_good(client):
    user = make_user()
    client.force_login(user)
    key = client.session.session_key
    assert SessionStore(key)["_auth_user_id"] == str(user.pk)
    assert Backend().get_user(str(user.pk)) == user
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert Backend().get_user(user.pk) is None
    Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert SessionStore(key).load() == {}
    assert SessionStore("nosuchkeyatall").load() == {}
