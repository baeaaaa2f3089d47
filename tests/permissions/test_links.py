"""No page offers what would be refused: every link and dialog of every role's pages opens."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from tests.permissions.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-1")]

LINK = re.compile(r'(?:href|hx-get|data-board-url)="(/[^"]*)"')
# Not pages: they end the session, or hand out files.
LEFT_OUT = ("/accounts/logout", "/i18n/", "/static/", "/api/docs", "/styleguide", "/export", "/files/")
DEPTH = 2


def links(page: str) -> set[str]:
    found = {unescape(url).partition("#")[0] for url in LINK.findall(page)}
    return {url for url in found if url and not any(part in url for part in LEFT_OUT)}


@pytest.mark.parametrize("who", ["head", "owner", "operator", "control", "partner_a"])
def test_every_link_that_a_role_is_shown_opens(who: str, client: Client) -> None:
    world = World()
    client.force_login(world.people[who])
    seen: set[str] = set()
    wrong: dict[str, Any] = {}
    todo = {"/": ""}
    for _level in range(DEPTH + 1):
        found: dict[str, str] = {}
        for url, origin in todo.items():
            # One page of each kind is enough: lists repeat their links with every order and filter.
            shape = re.sub(r"\d+", "0", url.partition("?")[0]) + ("?" if "?" in url else "")
            if shape in seen:
                continue
            seen.add(shape)
            answer = client.get(url, follow=True)
            if answer.status_code != 200:
                wrong[url] = (answer.status_code, f"from {origin}")
            elif "html" in answer.headers["Content-Type"]:
                found |= dict.fromkeys(links(answer.content.decode()), url)
        todo = found
    assert len(seen) > 10
    assert wrong == {}
