"""A script can do by the API what people do in the browser: docs/api-pages.md has the call of every page, or why none.

Whoever adds a page adds its line there, and the call where it lacks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.permissions.test_url_matrix import KINDS

pytestmark = pytest.mark.rule("DATA-3")

TABLE = Path(__file__).resolve().parents[2] / "docs" / "api-pages.md"
CALL = re.compile(r"`(GET|POST|PATCH|PUT|DELETE) ([^`]+)`")
PLURALS = {kind: "companies" if kind == "company" else f"{kind}s" for kind in KINDS}


def pages() -> set[str]:
    """The names of all addresses but the API's own."""

    def walk(resolver: URLResolver, space: str, prefix: str) -> Iterator[str]:
        for item in resolver.url_patterns:
            route = prefix + str(item.pattern)
            if isinstance(item, URLResolver):
                yield from walk(item, f"{space}{item.namespace}:" if item.namespace else space, route)
            elif isinstance(item, URLPattern) and not route.startswith("api/"):
                yield f"{space}{item.name}"

    return set(walk(get_resolver(), "", ""))


def lines(text: str) -> Iterator[tuple[str, str]]:
    """The names of the first column, one by one, each with the second column."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 2:
            for name in re.findall(r"`([^`]+)`", cells[0]):
                yield name, cells[1]


def problems(text: str, known: set[str], described: dict[str, set[str]] | None) -> list[str]:
    """What is wrong with the table: names twice or gone, pages without a line, calls that are not described.

    Without a description the calls are taken for true: tests/architecture looks quickly whether a line lacks.
    """
    found, wrong = set(), []
    for name, answer in lines(text):
        kinds = [kind for kind in KINDS if name.replace("{kind}", kind) in known] if "{kind}" in name else [""]
        if not kinds:
            wrong.append(f"{name}: no kind has such a page")
        for kind in kinds:
            page = name.replace("{kind}", kind)
            wrong += [f"{page}: stands twice"] if page in found else []
            found.add(page)
            # A page of one kind that stands beside those of all: "lead-bulk-spam".
            calls = CALL.findall(answer.replace("{kinds}", PLURALS[kind or next(iter(owners(page)), "deal")]))
            if described is not None:
                wrong += [f"{page}: {m} {path} is no call" for m, path in calls if m not in described.get(path, ())]
            if not calls and not re.search(r"\*\*browser\*\*: \S.{15,}", answer):
                wrong.append(f"{page}: neither a call nor a reason")
    wrong += [f"{page}: has no line; give it a call, or a reason" for page in sorted(known - found)]
    return wrong + [f"{page}: there is no such page" for page in sorted(found - known)]


def owners(page: str) -> list[str]:
    """The kind of record that a page's name begins with."""
    return [kind for kind in KINDS if page.startswith(f"{kind}-")]


@pytest.fixture(scope="module")
def calls(described: Path) -> dict[str, set[str]]:
    """Methods by path, as the API describes itself."""
    paths = json.loads(described.read_text())["paths"]
    return {path.removeprefix("/api/v1"): {method.upper() for method in has} for path, has in paths.items()}


def test_every_page_has_its_call_or_a_reason(calls: dict[str, set[str]]) -> None:
    wrong = problems(TABLE.read_text(), pages(), calls)
    assert not wrong, "docs/api-pages.md:\n" + "\n".join(wrong)


def test_the_table_notices_what_is_missing_and_what_is_untrue() -> None:
    known = {"lead-move", "deal-move", "web:home", "web:secret", "web:odd"}
    described = {"/leads/{id}/move/": {"POST"}, "/my-day/": {"GET"}}
    text = """
| page | call |
|---|---|
| `{kind}-move` | `POST /{kinds}/{id}/move/` |
| `web:home`, `web:gone` | `DELETE /my-day/` |
| `web:odd` | **browser**: why |
"""
    assert problems(text, known, described) == [
        "deal-move: POST /deals/{id}/move/ is no call",
        "web:home: DELETE /my-day/ is no call",
        "web:gone: DELETE /my-day/ is no call",
        "web:odd: neither a call nor a reason",
        "web:secret: has no line; give it a call, or a reason",
        "web:gone: there is no such page",
    ]
