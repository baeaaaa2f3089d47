"""Named views of lists: one's own, shared ones, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.models import SavedView
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def labels(user: Any) -> list[str]:
    return [view["label"] for view in signed_in(user).get("/leads/").context["saved_views"]]


def save(user: Any, name: str, query: str = "area_from=500", **more: str) -> Any:
    return signed_in(user).post("/leads/views/save/", {"name": name, "query": query, **more})


def test_a_view_keeps_the_filter_without_the_page() -> None:
    user = make_user()
    answer = save(user, "Большие", "area_from=500&page=3&sort=-area")
    assert answer["Location"] == "/leads/?area_from=500&sort=-area"
    assert labels(user) == ["Большие"]
    assert signed_in(user).get("/leads/?area_from=500&sort=-area").context["saved_views"][0]["active"]


def test_the_same_name_is_written_over() -> None:
    user = make_user()
    save(user, "Большие")
    save(user, "Большие", "area_from=900")
    assert [view.query for view in SavedView.objects.all()] == ["area_from=900"]


@pytest.mark.rule("ACC-1")
def test_shared_views_stay_on_their_side() -> None:
    user, colleague, partner_user = make_user(), make_user(), make_user(Role.PARTNER)
    save(user, "Общий", is_shared="on")
    save(user, "Личный")
    assert (labels(colleague), labels(partner_user)) == (["Общий"], [])
    view = SavedView.objects.get(name="Общий")
    assert signed_in(colleague).post(f"/leads/views/{view.pk}/delete/").status_code == 404
    assert signed_in(user).post(f"/leads/views/{view.pk}/delete/").status_code == 302
    assert labels(colleague) == []


def test_a_view_without_a_name_is_refused() -> None:
    assert save(make_user(), " ").status_code == 422
    assert not SavedView.objects.exists()
