"""Addresses are edited by hand, cut off, bookmarked long ago: no list, board, report or search answers with a crash."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from crm.screens.registry import SCREENS
from tests.factories import make_client, make_company, make_deal, make_user

pytestmark = pytest.mark.django_db

KINDS = ("lead", "deal", "contact", "company", "object")
ODD = (
    "", "0", "7", "-1", "007", "1.5", "1e400", "NaN", "Infinity", "x", "true", "null", "[]", "{}", ",", "1,2,x", "7,7",
    str(2**31), str(2**63 - 1), str(2**63), "-" + "9" * 30, "9" * 400, "\x00", "7\x00", "a\x00b", "😀", "Ёлка", "٧",
    "７", "²", "%", "_", "\\", "'", '"', "--", ";", "' OR 1=1 --", " 7 ", "\n", "\u202e", "2026-01-01", "2026-13-45",
    "0001-01-01", "9999-12-31", "0000-00-00", "31.12.2025", "2026-01-01T25:00", "x" * 5000, "lead:new", "deal:costing",
    ":", "lead:", "nothing:here",
)  # fmt: skip
# What a query may hold besides filters.
OTHERS = (
    "sort",
    "page",
    "version",
    "before",
    "column",
    "drawer",
    "shown",
    "as",
    "view",
    "pipeline",
    "search",
    "columns",
)


@pytest.fixture
def head(client: Client) -> Any:
    """A sales head, signed in, with a few records to be found."""
    person = make_user(Role.SALES_HEAD)
    company = make_company(person)
    contact = make_client(person, email="petr@example.org", company=company)
    make_deal(person, contact=contact, company=company, city="Тверь", width=24, length=60)
    client.force_login(person)
    return person


def names_of(kind: str) -> list[str]:
    reverse(f"{kind}-list")  # the addresses bring the screens
    filters = SCREENS[kind].filter_class.base_filters
    return [*filters, *(name for name in OTHERS if name not in filters)]


def crashes(client: Client, urls: list[str]) -> list[str]:
    """The addresses that were answered by a crash; a test client raises what a server would answer 500 for."""
    client.raise_request_exception = False
    return [url for url in urls if client.get(url).status_code >= 500]


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_of_any_parameter_breaks_a_list(kind: str, client: Client, head: Any) -> None:
    """Every parameter gets every odd value; together with others, for a page a value, so that the run stays short."""
    names = names_of(kind)
    urls = []
    for shift in range(len(ODD)):
        pairs = [(name, ODD[(number + shift) % len(ODD)]) for number, name in enumerate(names)]
        urls.append(f"{reverse(f'{kind}-list')}?{query(pairs)}")
    assert crashes(client, urls) == []


def query(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={quote(value)}" for name, value in pairs)


@pytest.mark.parametrize("kind", KINDS)
def test_each_parameter_alone_breaks_no_list_and_no_board(kind: str, client: Client, head: Any) -> None:
    telling = ("-1", str(2**63), "\x00", "NaN", "9999-12-31", "x" * 5000, "[]")
    urls = [f"{reverse(f'{kind}-board')}?{name}={quote(value)}" for name in names_of(kind) for value in telling]
    assert crashes(client, urls) == []


@pytest.mark.parametrize("kind", KINDS)
def test_repeated_reversed_and_unknown_parameters_break_nothing(kind: str, client: Client, head: Any) -> None:
    many = query([("responsible", str(number)) for number in range(1, 1500)])
    ids = ",".join(map(str, range(1, 1500)))
    queries = [
        many,
        f"id={ids}",
        "responsible=7&responsible=7&responsible=x&responsible=",
        f"responsible={head.pk}&sort=-title&page=2",
        "stage=lead:new&stage=deal:costing&stage=contact:prospect",
        "created_from=2030-01-01&created_to=2020-01-01",
        "area_from=900&area_to=100",
        "closed_from=9999-12-31&closed_to=0001-01-01",
        "pipeline=all&kind=open&next_step=overdue&norm_exceeded=true&mine=true",
        "pipeline=all&pipeline=all",
        "kind=success&reached=deal:costing&lost_from=deal:costing&got_to=deal:costing",
        "nothing=1&%00=2&%ff=%fe&=&&==",
        "search=" + quote("ангар " * 400),
        "search=" + quote("%_\\'\"()*"),
        "%F0%9F%98%80=%F0%9F%98%80",
    ]
    parts = ("list", "board", "filter", "export")
    urls = [f"{reverse(f'{kind}-{part}')}?{text}" for part in parts for text in queries]
    assert crashes(client, urls) == []


@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER_CONTROL, Role.PARTNER])
def test_no_other_role_is_answered_by_a_crash_either(role: str, client: Client) -> None:
    client.force_login(make_user(role))
    urls = []
    for kind in KINDS:
        names = names_of(kind)
        for shift in (0, 13, 26, 39):
            pairs = [(name, ODD[(number + shift) % len(ODD)]) for number, name in enumerate(names)]
            urls += [f"{reverse(f'{kind}-{part}')}?{query(pairs)}" for part in ("list", "board")]
    assert crashes(client, urls) == []


PAGES = {
    "task-list": ("state", "kind", "responsible", "record_type", "record_id", "due_from", "due_to", "page"),
    "web:search": ("q", "kind", "page", "search"),
    "web:palette": ("q",),
    "web:notifications": ("page", "state"),
    "analytics:funnel": (
        "pipeline", "from", "to", "period", "by", "mode", "compare", "responsible", "team", "source", "date_from",
        "date_to", "as", "region", "partner", "purpose",
    ),
    "analytics:refusals": (
        "pipeline", "from", "to", "period", "by", "mode", "compare", "responsible", "team", "source", "date_from",
        "date_to", "as", "region", "partner", "purpose",
    ),
    "partner-list": ("search", "state", "page", "region", "sort"),
    "partner-control": ("partner", "state", "kind", "page", "record_type", "sort"),
    "settings-audit": ("kind", "user", "from", "to", "page", "record_type", "search"),
    "settings-submissions": ("state", "page", "exclusion"),
    "settings-exclusions": ("search", "kind", "page"),
    "settings-routing": ("lead", "days", "try", "region", "area", "purpose", "source", "channel", "responsible"),
    "client-matches": ("phone", "email", "inn", "name", "exclude", "record_type"),
    "object-merge": ("ids", "main"),
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_no_parameter_breaks_another_page(page: str, client: Client) -> None:
    client.force_login(make_user(Role.ADMINISTRATOR))
    names = PAGES[page]
    urls = [f"{reverse(page)}?{query([(name, value) for name in names])}" for value in ODD]
    assert crashes(client, urls) == []


API = (
    "leads",
    "deals",
    "contacts",
    "companies",
    "objects",
    "tasks",
    "exclusions",
    "held-requests",
    "users",
    "partners",
)


@pytest.mark.parametrize("word", API)
def test_no_parameter_breaks_the_api(word: str) -> None:
    from tests.api.conftest import Caller

    caller = Caller(make_user(Role.SALES_HEAD))
    caller.client.raise_request_exception = False
    kind = {"companies": "company"}.get(word, word.rstrip("s"))
    reverse("lead-list")
    names = [*(names_of(kind) if kind in SCREENS else ()), "limit", "cursor", "ordering", "count", "fields", "expand"]
    bad = []
    for number, name in enumerate(names):
        for value in (ODD[(number * 7 + step) % len(ODD)] for step in range(9)):
            url = f"{word}/?{name}={quote(value)}"
            if caller.get(url).status_code >= 500:
                bad.append(url)
    assert bad == []
