"""List, card, duplicates and the merge window of construction objects over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.models import Merge, NotDuplicate
from objects_registry.models import ConstructionObject
from objects_registry.services import object_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, language="en")


def make_object(by: Any, **fields: Any) -> ConstructionObject:
    return object_create(by=by, data={"width": "24", "length": "60", "address": "Казань, Лесная 1", **fields})


def test_list_and_board_open(client: Client, head: Any) -> None:
    client.force_login(head)
    assert client.get("/objects/").status_code == 200
    make_object(head, name="Склад на Лесной")
    for path in ("/objects/", "/objects/board/", "/objects/?search=24x60+казань"):
        assert "Склад на Лесной" in client.get(path).content.decode()


@pytest.mark.rule("OBJ-1")
def test_the_list_is_cut_by_size_and_takes_at_most_twelve_queries(
    client: Client, head: Any, django_assert_max_num_queries: Any
) -> None:
    for width in range(10, 30):
        make_object(head, name=f"Ангар {width}", width=str(width))
    client.force_login(head)
    client.get("/objects/")
    with django_assert_max_num_queries(12):
        page = client.get("/objects/?width_from=15&width_to=19").content.decode()
    assert page.count("data-row=") == 5


def test_a_new_object_is_named_by_itself_and_its_area_follows(client: Client, head: Any) -> None:
    client.force_login(head)
    data = {"width": "24", "length": "60,5", "address": "Казань"}
    client.post("/objects/new/", data, headers=HTMX)
    obj = ConstructionObject.objects.get()
    assert obj.area == 1452
    assert "60,5×24" in obj.name
    assert client.post("/objects/new/", {"address": ""}, headers=HTMX).status_code == 422


@pytest.mark.rule("OBJ-2")
def test_the_card_shows_possible_duplicates_and_not_a_duplicate_is_remembered(client: Client, head: Any) -> None:
    first, second = make_object(head, name="Первый склад"), make_object(head, name="Второй склад")
    client.force_login(head)
    tab = client.get(f"{first.get_absolute_url()}?tab=duplicates").content.decode()
    assert "Второй склад" in tab
    client.post(f"{first.get_absolute_url()}not-duplicate/", {"other": second.pk, "reason": "разные участки"})
    assert NotDuplicate.objects.get().reason == "разные участки"
    assert "Второй склад" not in client.get(f"{first.get_absolute_url()}?tab=duplicates").content.decode()


@pytest.mark.rule("OBJ-4")
def test_three_objects_are_merged_by_choice_of_cells_and_the_merge_is_undone(client: Client, head: Any) -> None:
    objects = [make_object(head, name=name) for name in ("Альфа", "Бета", "Гамма")]
    ids = [obj.pk for obj in objects]
    client.force_login(head)
    opened = client.post("/objects/merge/", {"ids": ids}, headers=HTMX)
    assert opened["HX-Redirect"] == f"/objects/merge/?ids={','.join(map(str, ids))}"
    window = client.get(opened["HX-Redirect"]).content.decode()
    assert window.count('name="main"') == 3
    assert window.count('name="field-name"') == 3
    data = {"ids": ids, "main": ids[1], "field-name": ids[2]}
    assert client.post("/objects/merge/", data)["Location"] == objects[1].get_absolute_url()
    assert list(ConstructionObject.objects.alive().values_list("pk", "name")) == [(ids[1], "Гамма")]
    assert client.get(objects[0].get_absolute_url())["Location"] == objects[1].get_absolute_url()
    done = Merge.objects.get()
    assert f"/objects/merge/{done.pk}/undo/" in client.get(objects[1].get_absolute_url()).content.decode()
    client.post(f"/objects/merge/{done.pk}/undo/")
    names = dict(ConstructionObject.objects.alive().values_list("pk", "name"))
    assert names == dict(zip(ids, ("Альфа", "Бета", "Гамма"), strict=True))


@pytest.mark.rule("OBJ-4")
@pytest.mark.parametrize("count", [0, 1, 11])
def test_the_window_takes_two_to_ten(client: Client, head: Any, count: int) -> None:
    ids = [make_object(head, name=f"Дом {number}").pk for number in range(count)]
    client.force_login(head)
    assert client.post("/objects/merge/", {"ids": ids}, headers=HTMX).status_code == 422
    assert client.get("/objects/merge/", {"ids": ids}).status_code in {400, 409}


@pytest.mark.rule("ACC-1")
def test_others_neither_merge_nor_see(client: Client, head: Any) -> None:
    first, second = make_object(head, name="Один"), make_object(head, name="Два")
    data = {"ids": [first.pk, second.pk], "main": first.pk}
    for role in (Role.SALES_MANAGER, Role.PARTNER, Role.CALL_CENTER, Role.PARTNER_CONTROL):
        client.force_login(make_user(role))
        assert client.post("/objects/merge/", data).status_code == 403
        assert client.get(first.get_absolute_url()).status_code == 404
        assert client.post(f"{first.get_absolute_url()}not-duplicate/", {"other": second.pk}).status_code == 404
    client.force_login(head)
    assert client.post("/objects/merge/", {"ids": [first.pk, 10**9], "main": first.pk}).status_code == 404
