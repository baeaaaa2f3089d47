"""Looking at a whole page: axe in light and in dark, once the page has fetched its parts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
GRAVE = {"serious", "critical"}
# A page fetches its late parts by htmx as soon as it is there; quicker to see than half a second of silence.
COMPLETE = """document.readyState === 'complete' && document.fonts.status === 'loaded'
  && !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')"""


def wait_for(page: Page, expression: str) -> None:
    """Wait until it holds. Playwright's own way evaluates text in the page, which the page's policy forbids."""
    deadline = time.monotonic() + 15
    while not page.evaluate(expression):
        if time.monotonic() > deadline:
            pytest.fail(f"{page.url}: waited in vain for {expression}")
        page.wait_for_timeout(20)


def complete(page: Page) -> None:
    """Wait until the page at hand has fetched its parts."""
    page.wait_for_load_state("load")
    wait_for(page, COMPLETE)


def settled(page: Page, path: str) -> Page:
    """Open a page and wait until it has fetched its parts."""
    page.goto(path)
    complete(page)
    return page


def serious(page: Page, **options: Any) -> list[str]:
    """What axe finds serious or critical on the page; `options` go to axe."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate("(options) => axe.run(document, options)", {"resultTypes": ["violations"], **options})
    return [
        f"{item['id']}: {node['target']} {node['html'][:120]}"
        for item in found["violations"]
        if item["impact"] in GRAVE
        for node in item["nodes"]
    ]


def serious_in_both(page: Page) -> list[str]:
    """The same, and what is hard to read on the page in dark: a theme changes colours and nothing else."""
    # Colours that still fade from one theme to the other would be read half way.
    page.emulate_media(reduced_motion="reduce")
    faults = serious(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    wait_for(page, "document.documentElement.dataset.bsTheme === 'dark'")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    # Without motion every element still changes in no time, one within another a frame later.
    wait_for(page, "!document.getAnimations().some((one) => one instanceof CSSTransition)")
    faults += [f"in dark: {fault}" for fault in serious(page, runOnly=["color-contrast"])]
    page.emulate_media(color_scheme="light")
    wait_for(page, "document.documentElement.dataset.bsTheme === 'light'")
    return faults
