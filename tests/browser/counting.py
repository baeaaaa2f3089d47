"""What a person spends on a task: presses of the pointer and of keys; text typed into fields is not counted."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# Where the same task is done with a mouse and with a finger, which may spend two touches more.
DEVICES = pytest.mark.parametrize(("window", "more"), [({}, 0), (PHONE, 2)], ids=["mouse", "touch"])

# Trusted events alone, kept over page loads; a chord like Ctrl+Enter is one key.
COUNTER = """
const add = (name) => { sessionStorage[name] = Number(sessionStorage[name] || 0) + 1; };
addEventListener("pointerdown", (event) => { if (event.isTrusted) add("clicks"); }, true);
addEventListener("keydown", (event) => {
  const isField = event.target.matches?.("textarea, input:not([type=radio], [type=checkbox], [type=button])");
  const isText = isField && event.key.length === 1 && !event.ctrlKey && !event.metaKey;
  const isCounted = event.isTrusted && !event.repeat && !isText;
  if (isCounted && !["Control", "Shift", "Alt", "Meta"].includes(event.key)) add("keys");
}, true);
"""


def counted(page: Page, url: str) -> Page:
    """Open a page with both counters at nought, and wait until its scripts are at work."""
    page.add_init_script(COUNTER)
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.evaluate("delete sessionStorage.clicks; delete sessionStorage.keys")
    return page


def clicks(page: Page) -> int:
    """Presses of the pointer since then."""
    return _counted(page, "clicks")


def keys(page: Page) -> int:
    """Presses of keys since then, besides text."""
    return _counted(page, "keys")


def _counted(page: Page, name: str) -> int:
    # Waiting outlives the navigation that the last press may have begun, evaluating does not; nought is no end of it.
    return int(page.wait_for_function(f"1 + Number(sessionStorage.{name} || 0)").json_value()) - 1
