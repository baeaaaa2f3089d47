"""Named views of lists: one's own, shared ones, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.models import SavedView, Tag
from leads.services import lead_create
from objects_registry.services import object_create
from tests.factories import make_client, make_company, make_deal, make_user

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
    view = SavedView.objects.get()
    assert answer["Location"] == f"/leads/?view={view.pk}&area_from=500&sort=-area"
    assert labels(user) == ["Большие"]
    assert signed_in(user).get("/leads/?area_from=500&sort=-area").context["saved_views"][0]["active"]


def test_the_same_name_is_written_over() -> None:
    user = make_user()
    save(user, "Большие")
    save(user, "Большие", "area_from=900")
    assert [view.query for view in SavedView.objects.all()] == ["area_from=900"]


@pytest.mark.rule("ACC-1")
def test_shared_views_stay_on_their_side() -> None:
    user, colleague, partner_user = make_user(Role.SALES_HEAD), make_user(), make_user(Role.PARTNER)
    save(user, "Общий", is_shared="on")
    save(user, "Личный")
    assert (labels(colleague), labels(partner_user)) == (["Общий"], [])
    view = SavedView.objects.get(name="Общий")
    for action in ("delete/", "update/", ""):
        assert signed_in(colleague).post(f"/leads/views/{view.pk}/{action}").status_code == 404
    assert signed_in(partner_user).post(f"/leads/views/{view.pk}/first/").status_code == 404
    assert signed_in(user).post(f"/leads/views/{view.pk}/delete/").status_code == 302
    assert labels(colleague) == []


def test_a_view_without_a_name_is_refused() -> None:
    assert save(make_user(), " ").status_code == 422
    assert not SavedView.objects.exists()


def test_only_a_head_shares_with_everybody_and_sets_what_a_role_sees_first() -> None:
    head, manager = make_user(Role.SALES_HEAD), make_user()
    save(manager, "Мой", is_shared="on")
    save(head, "Общий", is_shared="on")
    assert (labels(make_user()), SavedView.objects.get(name="Мой").is_shared) == (["Общий"], False)
    view = SavedView.objects.get(name="Общий")
    edit = {"name": "Для всех", "is_shared": "on", "default_for": "sales_manager"}
    assert signed_in(manager).post(f"/leads/views/{view.pk}/", edit).status_code == 404
    assert signed_in(head).post(f"/leads/views/{view.pk}/", {**edit, "is_shared": ""}).status_code == 422
    assert signed_in(head).post(f"/leads/views/{view.pk}/", edit).status_code == 302
    assert signed_in(manager).get("/leads/")["Location"] == f"/leads/?view={view.pk}&area_from=500"
    assert signed_in(manager).get("/leads/board/")["Location"] == f"/leads/board/?view={view.pk}&area_from=500"
    assert signed_in(head).get("/leads/").status_code == 200


def test_one_opens_the_list_with_a_view_of_ones_own_and_gets_out_of_it() -> None:
    user = make_user()
    save(user, "Большие")
    view = SavedView.objects.get()
    signed_in(user).post(f"/leads/views/{view.pk}/first/")
    page = signed_in(user).get("/leads/", follow=True).context
    assert [chip["url"] for chip in page["chips"]] == [f"?view={view.pk}"]
    assert page["reset_url"] == "/leads/?view=0"
    assert not signed_in(user).get("/leads/?view=0").context["chips"]
    assert [chip["url"] for chip in signed_in(user).get("/leads/?area_from=700").context["chips"]] == ["?view=0"]
    signed_in(user).post(f"/leads/views/{view.pk}/first/")
    assert signed_in(user).get("/leads/").status_code == 200


def test_a_view_is_brought_up_to_date_renamed_and_its_deletion_taken_back() -> None:
    user = make_user()
    save(user, "Большие")
    view = SavedView.objects.get()
    page = signed_in(user).get(f"/leads/?view={view.pk}&area_from=900&columns=title,city").context
    assert page["view_changed"]
    signed_in(user).post(page["update_view_url"])
    view.refresh_from_db()
    assert (view.query, view.columns) == ("area_from=900", ["title", "city"])
    shown = signed_in(user).get(f"/leads/?view={view.pk}&area_from=900").context
    assert [column["key"] for column in shown["columns"]] == ["title", "city"]
    signed_in(user).post(f"/leads/views/{view.pk}/", {"name": "Крупные"})
    assert labels(user) == ["Крупные"]
    gone = signed_in(user)
    gone.post(f"/leads/views/{view.pk}/delete/")
    assert labels(user) == []
    ticket = next(iter(gone.get("/leads/?view=0").context["messages"])).extra_tags.removeprefix("undo:")
    gone.post(ticket)
    assert labels(user) == ["Крупные"]


def test_columns_are_chosen_ordered_remembered_and_go_into_the_file() -> None:
    user = make_user()
    client = signed_in(user)
    client.post("/leads/columns/", {"order": ["city", "phone", "stage"], "columns": ["phone", "city"]})
    page = client.get("/leads/").context
    assert [column["key"] for column in page["columns"]] == ["title", "city", "phone"]
    head = b"".join(client.get("/leads/export/?as=csv").streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert head.split() == ["Лид;Город;Телефон"]
    assert [column["key"] for column in signed_in(make_user()).get("/leads/").context["columns"]][1] == "stage"
    moved = client.post("/leads/columns/", {"order": ["city", "phone"], "columns": ["phone", "city"], "up": "phone"})
    assert [row["key"] for row in moved.context["rows"]][:2] == ["phone", "city"]
    assert [column["key"] for column in client.get("/leads/").context["columns"]] == ["title", "city", "phone"]
    client.post("/leads/columns/", {"reset": "1"})
    assert len(client.get("/leads/").context["columns"]) == 7
    assert len(client.get("/leads/?columns=nothing").context["columns"]) == 1


def test_columns_of_a_view_are_chosen_apart_from_those_of_the_list() -> None:
    user = make_user()
    save(user, "Большие")
    view, client = SavedView.objects.get(), signed_in(user)
    client.post(f"/leads/columns/?view={view.pk}", {"order": ["inn"], "columns": ["inn"]})
    assert [column["key"] for column in client.get(f"/leads/?view={view.pk}").context["columns"]] == ["title", "inn"]
    assert len(client.get("/leads/").context["columns"]) == 7


@pytest.mark.parametrize("kind", ["leads", "deals", "contacts", "companies", "objects"])
def test_every_column_of_every_list_can_be_drawn_and_written(kind: str) -> None:
    head = make_user(Role.SALES_HEAD)
    company = make_company(head)
    contact = make_client(head, company=company)
    deal = make_deal(head, contact=contact, company=company, amount=100, area=50)
    deal.tags.add(Tag.objects.create(name="срочно"))
    lead_create(by=head, data={"name": "Иван", "phone": "+79123456789", "area": 100})
    object_create(by=head, data={"name": "Ангар", "width": 10, "length": 20})
    client = signed_in(head)
    assert client.get(f"/{kind}/?columns=all&pipeline=all").status_code == 200
    text = b"".join(client.get(f"/{kind}/export/?as=csv&columns=all").streaming_content).decode()  # type: ignore[attr-defined]
    assert len(text.splitlines()) == 2
    assert b"".join(client.get(f"/{kind}/export/?columns=all").streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]
