"""Services within services: one transaction, savepoints only where somebody goes on after a failure."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from crm.models import Tag
from crm.together import on_its_own, together

pytestmark = pytest.mark.django_db(transaction=True)


@together
def inner(name: str, *, fails: bool = False) -> None:
    Tag.objects.create(name=name)
    if fails:
        raise ValueError(name)


@together
def outer(*, fails: bool = False) -> None:
    Tag.objects.create(name="outer")
    inner("inner", fails=fails)


def names() -> set[str]:
    return set(Tag.objects.values_list("name", flat=True))


def savepoints(seen: CaptureQueriesContext) -> int:
    return sum(row["sql"].startswith("SAVEPOINT") for row in seen.captured_queries)


def test_a_service_within_another_needs_no_savepoint() -> None:
    with CaptureQueriesContext(connection) as seen:
        outer()
    assert savepoints(seen) == 0
    assert names() == {"outer", "inner"}


def test_a_failure_within_takes_the_whole_back() -> None:
    with pytest.raises(ValueError, match="inner"):
        outer(fails=True)
    assert names() == set()


def test_a_plain_block_around_can_go_on() -> None:
    with transaction.atomic():
        with pytest.raises(ValueError, match="inner"):
            outer(fails=True)
        Tag.objects.create(name="after")
    assert names() == {"after"}


def test_a_part_on_its_own_can_fail_alone_and_those_within_join_it() -> None:
    @together
    def careful() -> None:
        Tag.objects.create(name="before")
        try:
            with on_its_own():
                outer(fails=True)
        except ValueError:
            Tag.objects.create(name="after")

    with CaptureQueriesContext(connection) as seen:
        careful()
    assert savepoints(seen) == 1
    assert names() == {"before", "after"}


def test_a_failure_that_is_swallowed_within_is_told_and_changes_nothing() -> None:
    @together
    def careless() -> None:
        try:
            inner("inner", fails=True)
        except ValueError:
            Tag.objects.create(name="after")

    with pytest.raises(TransactionManagementError):
        careless()
    assert names() == set()
