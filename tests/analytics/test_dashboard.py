"""A person's page of figures: what each role has at first, the choice, and that every figure opens its records."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.models import Role
from accounts.services import token_create
from analytics.dashboard import services
from analytics.dashboard.registry import BY_CODE, DEFAULTS, TILES, tiles_for
from analytics.dashboard.tile import Number, board_of
from crm import clock
from crm.errors import InvalidInput
from leads.services import lead_create
from partners.handoff import hand_over
from tests.analytics.clients import play_clients
from tests.analytics.walking import figures, wrong
from tests.factories import make_client, make_deal, make_partner, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ANA-9")]
TODAY = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SPAN = "from=2026-01-01&to=2026-05-01"


def board(user: Any) -> Any:
    return board_of(user, QueryDict(SPAN))


def numbers(user: Any) -> dict[str, Any]:
    return {item.tile.code: item.made for item in services.shown(board(user)) if isinstance(item.made, Number)}


def test_every_role_has_tiles_at_first_and_only_such_as_it_may_have() -> None:
    assert set(DEFAULTS) == set(Role.values)
    for role, codes in DEFAULTS.items():
        assert codes
        assert all(role in BY_CODE[code].roles for code in codes), role
    assert len({tile.code for tile in TILES}) == len(TILES)


@pytest.mark.rule("ANA-8")
def test_every_figure_opens_its_records_and_the_number_of_queries_stays(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    admin, owner, stranger, operator = (
        make_user(role) for role in (Role.ADMINISTRATOR, Role.SALES_MANAGER, Role.SALES_MANAGER, Role.CALL_CENTER)
    )
    dealer = make_user(Role.PARTNER, partner=make_partner())
    control, elsewhere = make_user(Role.PARTNER_CONTROL), make_user(Role.PARTNER, partner=make_partner())
    with clock.frozen(datetime(2026, 4, 1, 9, 0, tzinfo=UTC)):
        for number in range(2):
            deal = make_deal(owner, contact=make_client(owner), amount=Decimal(1000 + number))
            hand_over(record=deal, partner=dealer.partner, by=admin)  # type: ignore[arg-type]
            lead_create(by=operator, data={"name": "Анна Ким"})
    asked = {}

    def count_queries() -> None:
        for user in (admin, owner, dealer, control, operator):
            client.force_login(user)
            client.get(f"/reports/dashboard/?{SPAN}")
            with django_assert_max_num_queries(asked.get(user.pk, 80)) as found:
                assert client.get(f"/reports/dashboard/?{SPAN}").status_code == 200
            asked[user.pk] = len(found)

    for seed in (21, 22):
        play_clients([owner], seed=seed, count=3)
        with clock.frozen(TODAY):
            count_queries()
    with clock.frozen(TODAY):
        for user in (admin, owner, dealer, control, operator, stranger, elsewhere):
            services.tiles_set(user, [tile.code for tile in tiles_for(user)])
            made = [item.made for item in services.shown(board(user))]
            walked = [one for tile in made for one in figures(tile.rows if hasattr(tile, "rows") else tile)]
            assert wrong(user, walked) == []
            seen = sum(figure.value for figure in walked)
            assert (seen == 0) == (user in {stranger, elsewhere}), user.role


def test_figures_are_those_of_the_reports(client: Client) -> None:
    head, owner = make_user(Role.SALES_HEAD), make_user()
    play_clients([owner], seed=23, count=5)
    with clock.frozen(TODAY):
        client.force_login(head)
        services.tiles_set(head, ["contracts", "won_amount", "price_share", "deals_came", "sources"])
        made = numbers(head)
        managers = client.get(f"/api/v1/reports/managers/?{SPAN}").json()
        refused = client.get(f"/api/v1/reports/refusals/?pipeline=deal&{SPAN}").json()
        funnel = client.get(f"/api/v1/reports/funnel/?pipeline=deal&{SPAN}").json()
        answer = client.get(f"/api/v1/reports/dashboard/?{SPAN}").json()
    assert made["won_amount"].value == Decimal(managers["months"][0]["fact_amount"]) + sum(
        Decimal(month["fact_amount"]) for month in managers["months"][1:]
    )
    assert made["contracts"].figure.value == sum(month["won"]["value"] for month in managers["months"])
    assert made["price_share"].value == pytest.approx(refused["price_share"])
    assert made["deals_came"].figure.value == funnel["outcome"]["created"]["value"]
    told = {tile["code"]: tile for tile in answer["tiles"]}
    assert list(told) == ["contracts", "won_amount", "price_share", "deals_came", "sources"]
    assert (answer["from"], told["won_amount"]["value"]) == ("2026-01-01", f"{made['won_amount'].value:.2f}")
    assert told["sources"]["rows"][-1]["cells"][0]["value"] > 0
    assert told["contracts"]["records"] == told["contracts"]["value"] == made["contracts"].figure.value


def test_tiles_are_added_removed_and_put_in_order_without_scripts(client: Client) -> None:
    manager, other = make_user(language="en"), make_user()
    client.force_login(manager)
    page = "/reports/dashboard/tiles/"
    assert client.get(page).status_code == 200

    def press(**data: str) -> list[str]:
        assert client.post(page, data).status_code == 302
        return [tile.code for tile in services.tiles_of(manager)]

    first = list(DEFAULTS[Role.SALES_MANAGER])
    assert press(down=first[0])[:2] == [first[1], first[0]]
    assert press(up=first[0])[:2] == first[:2]
    assert press(up=first[0]) == first
    assert press(remove=first[0]) == first[1:]
    assert press(add="sources")[-1] == "sources"
    assert press(ids="sources,contracts") == ["sources", "contracts"]
    found = client.get(f"/reports/dashboard/?{SPAN}")
    assert [item["tile"].code for item in found.context["tiles"]] == ["sources", "contracts"]
    assert client.post(page, {"add": "by_partner"}).status_code == 422  # of other roles: refused in a sentence
    assert [tile.code for tile in services.tiles_of(manager)] == ["sources", "contracts"]
    assert [tile.code for tile in services.tiles_of(other)] == first
    assert press(reset="1") == first


def test_the_choice_by_the_api_and_what_a_role_loses(client: Client) -> None:
    head = make_user(Role.SALES_HEAD)
    _token, secret = token_create(user=head, by=head, name="доска", scopes=["read", "write", "reports"])
    call = {"headers": {"Authorization": f"Bearer {secret}"}, "content_type": "application/json"}
    url = "/api/v1/reports/dashboard/tiles/"
    put = client.put(url, {"tiles": ["by_partner", "contracts"]}, **call)  # type: ignore[arg-type]
    assert put.json()["tiles"] == ["by_partner", "contracts"]
    for bad in (["nothing"], ["contracts", "contracts"], "contracts"):
        assert client.put(url, {"tiles": bad}, **call).status_code in {400, 422}  # type: ignore[arg-type]
    _token, narrow = token_create(user=head, by=head, name="чтение", scopes=["read"])
    closed = client.get("/api/v1/reports/dashboard/", headers={"Authorization": f"Bearer {narrow}"})
    assert closed.status_code == 403
    head.role = Role.SALES_MANAGER
    head.save()
    assert [tile.code for tile in services.tiles_of(head)] == ["contracts"]
    assert client.put(url, {"tiles": None}, **call).json()["tiles"] == list(DEFAULTS[Role.SALES_MANAGER])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        services.tiles_set(head, ["by_partner"])


def test_the_period_stands_in_the_address_and_a_wrong_one_is_named(client: Client) -> None:
    client.force_login(make_user())
    for _again in range(2):
        page = client.get("/reports/dashboard/?period=last_quarter")
        assert page.context["query"].preset == "last_quarter"
    wrong_page = client.get("/reports/dashboard/?from=yesterday")
    assert wrong_page.status_code == 400
    assert wrong_page.context["report_errors"]
    assert client.get("/api/v1/reports/dashboard/?period=never").status_code == 400
    assert client.get("/reports/").headers["Location"] == "/reports/dashboard/"
