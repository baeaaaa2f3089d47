"""The bell on every page: how many lines are unread, in words of both languages."""

from __future__ import annotations

import pytest
from django.test import Client

from crm.models import Notification
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("language", "count", "words"),
    [
        ("ru", 1, "1 новое уведомление"),
        ("ru", 2, "2 новых уведомления"),
        ("ru", 5, "5 новых уведомлений"),
        ("en", 1, "1 new notification"),
    ],
)
def test_the_bell_counts_in_words(client: Client, language: str, count: int, words: str) -> None:
    user = make_user(language=language)
    Notification.objects.bulk_create(
        Notification(user=user, record_type="lead", record_id=1, action="assigned") for _number in range(count)
    )
    client.force_login(user)
    page = client.get("/tasks/")
    assert page.status_code == 200
    assert words in page.content.decode()
