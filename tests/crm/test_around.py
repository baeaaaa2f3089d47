"""Going from card to card in the order of the list or board one came from."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import Role
from crm import stages
from tests.factories import make_deal, make_partner, make_user

pytestmark = pytest.mark.django_db


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def around(client: Client, deal: Any, referer: str) -> Any:
    """What the card of a deal knows when it was opened from that page."""
    card = client.get(deal.get_absolute_url(), headers={"Referer": f"http://testserver{referer}"})
    return client.get(card.context["around_url"], headers={"HX-Request": "true"}).context


def key_of(url: str) -> int:
    return int(urlsplit(url).path.strip("/").split("/")[1])


def test_neighbours_follow_filter_and_order_of_the_list() -> None:
    user = make_user()
    deals = [make_deal(user, title=f"Ангар {number}", area=area) for number, area in enumerate((100, 900, 50, 800))]
    client = signed_in(user)
    found = around(client, deals[1], "/deals/?area_from=60&sort=title")
    assert (found["position"], found["total"]) == (2, 3)
    assert (key_of(found["previous_url"]), key_of(found["next_url"])) == (deals[0].pk, deals[3].pk)
    last = client.get(client.get(found["next_url"]).context["around_url"]).context
    assert (last["position"], last["next_url"], key_of(last["previous_url"])) == (3, "", deals[1].pk)
    card = client.get(found["next_url"]).context
    assert parse_qs(urlsplit(card["came_from"]["url"]).query) == {"area_from": ["60"], "sort": ["title"]}


def test_the_rows_of_a_board_go_down_their_column_and_a_moved_card_leaves_its_place() -> None:
    user = make_user(Role.SALES_HEAD)
    low, middle, high = (make_deal(user) for _number in range(3))
    make_deal(user, stage="negotiation")
    client = signed_in(user)
    first = around(client, high, "/deals/board/")
    assert (first["position"], first["total"], key_of(first["next_url"])) == (1, 3, middle.pk)
    opened = client.get(first["next_url"]).context["around_url"]
    stages.move(middle, "proposal_sent", by=user, override=True)
    after = client.get(opened).context
    assert (after["position"], after["total"]) == (0, 2)
    assert (key_of(after["previous_url"]), key_of(after["next_url"])) == (high.pk, low.pk)


def test_the_second_page_goes_on_from_the_first() -> None:
    user = make_user()
    deals = [make_deal(user) for _number in range(53)][::-1]
    found = around(signed_in(user), deals[50], "/deals/?page=2")
    assert (found["position"], key_of(found["previous_url"]), key_of(found["next_url"])) == (
        51, deals[49].pk, deals[51].pk,
    )  # fmt: skip


@pytest.mark.rule("ACC-1")
def test_only_rows_in_sight_are_neighbours_and_count() -> None:
    dealer, other = make_user(Role.PARTNER), make_user(Role.PARTNER, partner=make_partner())
    mine = [make_deal(dealer, responsible=dealer) for _number in range(2)]
    make_deal(other, responsible=other)
    found = around(signed_in(dealer), mine[1], "/deals/")
    assert (found["position"], found["total"], key_of(found["next_url"])) == (1, 2, mine[0].pk)
    assert signed_in(other).get(f"/deals/{mine[0].pk}/around/?from=list:0:").status_code == 404


def test_an_address_that_is_no_list_gives_no_neighbours(django_assert_max_num_queries: Any) -> None:
    user = make_user()
    deal = make_deal(user)
    client = signed_in(user)
    for referer in ("/", "/leads/", "", "//evil.example/deals/"):
        card = client.get(deal.get_absolute_url(), headers={"Referer": f"http://testserver{referer}"})
        assert "around_url" not in card.context
    for text in ("list", "list:x:", "other:0:", "list:99999999999:", "board:0:column=no", "list:5:page=x&sort=-x"):
        assert client.get(f"/deals/{deal.pk}/around/", {"from": text}).status_code in {200, 404}
    assert client.get(f"/deals/{deal.pk}/around/", {"from": "list:0:", "go": "next"}).status_code == 302
    # The seventh asks whether the person has to have a second factor.
    with django_assert_max_num_queries(7):
        client.get(f"/deals/{deal.pk}/around/?from=list:0:area_from=1", headers={"HX-Request": "true"})


def test_the_form_of_all_fields_keeps_the_place_in_the_list() -> None:
    user = make_user()
    deals = [make_deal(user, title=f"Ангар {number}", area=area) for number, area in enumerate((100, 900, 50, 800))]
    client = signed_in(user)
    referer = "http://testserver/deals/?area_from=60&sort=title"
    card = client.get(deals[1].get_absolute_url(), headers={"Referer": referer}).context
    page = client.get(card["edit_url"])
    back = page.context["back_url"]
    assert client.get(client.get(back).context["around_url"]).context["position"] == 2
    form = page.context["form"]
    given = {name: form[name].value() for name in form.fields if form[name].value() not in (None, "")}
    saved = client.post(card["edit_url"], given | {"title": "Ангар 1а", "version": page.context["version"]})
    assert (saved.status_code, saved["Location"]) == (302, back)
    assert client.get(f"/deals/{deals[1].pk}/edit/?from=nonsense").context["back_url"] == deals[1].get_absolute_url()
