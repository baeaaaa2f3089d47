"""One row by its key: the same record as the ORM reads, within reach only, locked in a transaction only."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError

from crm import scope
from crm.actors import Actor
from crm.rows import locked_for, row
from leads.models import Lead
from leads.services import lead_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_a_row_is_what_the_orm_reads():
    lead = lead_create(by=make_user(), data={"name": "Анна", "width": "24", "length": "60.5", "city": "Тверь"})
    found, usual = row(Lead, lead.pk), Lead.objects.get(pk=lead.pk)
    assert found is not None
    for field in Lead._meta.concrete_fields:
        assert field.value_from_object(found) == field.value_from_object(usual), field.name
    found.city = "Клин"
    found.save()
    assert Lead.objects.get(pk=lead.pk).city == "Клин"


def test_no_row_and_a_deleted_record():
    lead = lead_create(by=make_user(), data={"name": "Анна"})
    assert row(Lead, None) is None
    assert row(Lead, 10**9) is None
    Lead.objects.filter(pk=lead.pk).update(deleted_at=lead.created_at)
    assert row(Lead, lead.pk) is not None
    assert row(Lead, lead.pk, alive=True) is None


@pytest.mark.rule("ACC-1")
def test_a_record_out_of_reach_is_none_for_a_person_and_is_there_for_a_robot():
    mine, other = make_user(role="sales_manager"), make_user(role="sales_manager")
    lead = lead_create(by=mine, data={"name": "Анна", "responsible": mine})
    with transaction.atomic():
        assert locked_for(Lead, lead.pk, Actor.of(mine)) == lead
        assert locked_for(Lead, lead.pk, Actor.robot("Правило")) == lead
        with pytest.raises(Lead.DoesNotExist):
            locked_for(Lead, lead.pk, Actor.of(other))


@pytest.mark.django_db(transaction=True)
def test_a_lock_needs_a_transaction():
    with pytest.raises(TransactionManagementError):
        row(Lead, 1, lock=True)


def test_records_share_their_catalogue_rows_within_a_scope(django_assert_num_queries):
    from crm.models import Source

    source = Source.objects.order_by("pk").first()
    user = make_user()
    keys = [lead_create(by=user, data={"name": name, "source": source}).pk for name in ("Анна", "Вера")]
    with scope.opened():
        leads = [row(Lead, pk) for pk in keys]
        with django_assert_num_queries(1):
            assert [lead.source for lead in leads if lead is not None] == [source, source]
