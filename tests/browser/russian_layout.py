"""Keys as the Russian layout sends them: another letter, the same place of the key."""

from __future__ import annotations

from playwright.sync_api import Page


def press_in_russian_layout(page: Page, code: str, letter: str) -> None:
    """One key, by the code of its place and the letter that stands on it."""
    session = page.context.new_cdp_session(page)
    for kind in ("keyDown", "keyUp"):
        session.send("Input.dispatchKeyEvent", {"type": kind, "key": letter, "code": code, "text": ""})
