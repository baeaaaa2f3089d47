"""The description of the API is readable in a browser, from our own files alone."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_description_opens_offline_under_the_content_policy(page_for: Any, live_server: Any) -> None:
    page = page_for(None)
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if live_server.url not in request.url else None)
    page.goto("/api/docs/")
    page.wait_for_selector("#operations-tag-leads", timeout=60_000)  # the first reader waits for its making
    page.click("#operations-tag-leads")
    page.click("#operations-leads-leads_move_create .opblock-summary-control")
    page.wait_for_selector("#operations-leads-leads_move_create .opblock-body")
    assert [url for url in elsewhere if not url.startswith("data:")] == []
    page.goto("/api/docs/errors#missing_fields")
    assert page.locator("#missing_fields").is_visible()
