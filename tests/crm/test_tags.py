"""Tags of leads and deals: chosen while typing, new ones made, shown everywhere, known to whom they may be."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm import tags
from crm.models import Change, Tag
from deals.models import Deal
from leads.models import Lead
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_tags_are_given_in_quick_and_full_forms_and_changed_on_the_card() -> None:
    user = make_user()
    client = signed_in(user)
    client.post("/leads/new/", {"name": "Пётр", "tags": ["срочно", "Север"]})
    lead = Lead.objects.get()
    client.post("/leads/new/?full=1", {"name": "Олег", "channel": "manual", "tags": ["СРОЧНО"]})
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["Север", "срочно"]
    page = client.get(f"/leads/{lead.pk}/").content.decode()
    assert "срочно" in page.split('id="fact-tags"')[1].split("fact-tools")[0]
    form = client.get(f"/leads/{lead.pk}/fields/tags/", headers=HTMX)
    data = {"seen": form.context["seen"], "tags": ["Север"]}
    assert client.post(f"/leads/{lead.pk}/fields/tags/", data, headers=HTMX).status_code == 200
    assert [tag.name for tag in lead.tags.all()] == ["Север"]
    assert client.post(f"/leads/{lead.pk}/fields/tags/", data, headers=HTMX).status_code == 409
    assert Change.objects.get(record_id=lead.pk, field="tags").new == "Север"
    edited = client.get(f"/leads/{lead.pk}/edit/").context
    form_data = {"name": "Пётр", "title": "Лид", "version": edited["version"], "seen_at": edited["seen_at"]}
    client.post(f"/leads/{lead.pk}/edit/", form_data)
    assert list(lead.tags.all()) == []


def test_tags_stand_on_board_and_list_cut_the_list_and_cost_one_query(django_assert_max_num_queries: Any) -> None:
    user = make_user()
    for number in range(5):
        tags.tags_set(make_deal(user, contact=make_client(user)), tags=["срочно", f"метка {number}"], by=user)
    plain = make_deal(user, title="Без меток")
    client = signed_in(user)
    client.get("/deals/board/")
    with django_assert_max_num_queries(15):
        assert client.get("/deals/board/").content.decode().count(">срочно<") == 5
    with django_assert_max_num_queries(12):
        assert client.get("/deals/?columns=title,tags,client").content.decode().count(">срочно<") == 5
    tag = Tag.objects.get(name="срочно")
    found = client.get(f"/deals/?tag={tag.pk}").context
    assert (len(list(found["page"])), [chip["value"] for chip in found["chips"]]) == (5, ["срочно"])
    cell = f"/deals/{plain.pk}/cells/tags/?columns=title,tags"
    assert ">срочно<" in client.post(cell, {"seen": "", "tags": ["срочно"]}, headers=HTMX).content.decode()


@pytest.mark.rule("ACC-1")
def test_a_partner_is_offered_the_tags_of_its_own_records_alone() -> None:
    owner, dealer = make_user(), make_user(Role.PARTNER)
    tags.tags_set(make_deal(owner), tags=["секрет"], by=owner)
    tags.tags_set(make_deal(dealer, responsible=dealer), tags=["наше"], by=dealer)

    def offered(user: Any, query: str = "") -> list[str]:
        found = signed_in(user).get("/options/tags/", {"q": query}).json()["results"]
        return [row["text"] for row in found]

    assert (offered(owner), offered(owner, "СЕКР")) == (["наше", "секрет"], ["секрет"])
    assert (offered(dealer), offered(dealer, "секр")) == (["наше"], [])
    assert "секрет" not in signed_in(dealer).get("/deals/filter/").content.decode()
    assert "секрет" in signed_in(owner).get("/deals/filter/").content.decode()


def test_bad_tags_are_refused_or_cleaned() -> None:
    user = make_user()
    deal: Deal = make_deal(user)
    tags.tags_set(deal, tags=["  a  b ", "A B", "", "\x00c", "x" * 80], by=user)
    assert sorted(tag.name for tag in deal.tags.all()) == ["a b", "c", "x" * 50]
    many = signed_in(user).post(
        f"/deals/{deal.pk}/cells/tags/", {"seen": "", "tags": [f"м{number}" for number in range(30)]}, headers=HTMX
    )
    assert many.status_code in {409, 422}
    assert deal.tags.count() == 3
