"""What a person waits for in the browser: python -m bench.browser http://127.0.0.1:8000 [--write]

Opens the main pages of a running demo in Chromium, each with an empty cache, on a desktop and on a slow phone, and
prints the largest paint, the layout shift, the slowest of some interactions and what scripts and styles weigh.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

EMAIL, PASSWORD = "head@example.com", "demo"
PAGES = (
    ("my day", "/"), ("board of leads", "/leads/board/"), ("list of leads", "/leads/"),
    ("card of a deal", "first /deals/"), ("funnel", "/reports/funnel/"),
)  # fmt: skip
LCP_LIMIT, CLS_LIMIT, INTERACTION_LIMIT, SCRIPTS_LIMIT = {"desktop": 1000, "phone": 2500}, 0.02, 200, 120
OBSERVERS = """
window.seen = {lcp: 0, cls: 0, worst: 0};
const watch = (type, each, more) =>
  new PerformanceObserver(list => list.getEntries().forEach(each)).observe({type, buffered: true, ...more});
watch('largest-contentful-paint', entry => { window.seen.lcp = entry.startTime; });
watch('layout-shift', entry => { if (!entry.hadRecentInput) window.seen.cls += entry.value; });
watch('event', entry => { if (entry.interactionId) window.seen.worst = Math.max(window.seen.worst, entry.duration); },
  {durationThreshold: 16});
"""


@dataclass(frozen=True)
class Seen:
    """One page on one machine: ms, shift, ms, KB of scripts and styles as they travel."""

    page: str
    machine: str
    lcp: float
    cls: float
    worst: float
    scripts: float
    styles: float

    def missed(self) -> bool:
        """Is it above what we aim at?"""
        slow = self.lcp > LCP_LIMIT[self.machine] or self.worst > INTERACTION_LIMIT
        return slow or self.cls > CLS_LIMIT or self.scripts > SCRIPTS_LIMIT


def main() -> int:
    """Measure and tell; the exit code tells whether the aims are met."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(prog="python -m bench.browser", description=__doc__)
    parser.add_argument("url", help="address of a running demo")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser's program")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        found = list(measure(browser, options.url.rstrip("/")))
        browser.close()
    text = table(found)
    print(text)
    if options.write:
        from bench.report import write

        write("browser", text)
    return 1 if any(seen.missed() for seen in found) else 0


def measure(browser: Browser, url: str) -> Iterator[Seen]:
    """Every page on both machines."""
    signed_in, deal = sign_in(browser, url)
    for name, path in PAGES:
        address = url + (deal if path.startswith("first ") else path)
        for machine in ("desktop", "phone"):
            # The second of two visits counts: the first warms the server.
            for _visit in range(2):
                context = new_context(browser, machine, signed_in)
                seen = visit(context, address, name, machine)
                context.close()
            yield seen


def sign_in(browser: Browser, url: str) -> tuple[Any, str]:
    """The cookies of the sales head, and the path of a deal's card."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/accounts/login/")
    page.fill("input[name=login]", EMAIL)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_selector("#sidebar", state="attached")
    page.goto(f"{url}/deals/")
    deal = page.locator("th.cell-main a").first.get_attribute("href") or "/deals/"
    cookies = context.storage_state()
    context.close()
    return cookies, deal


def new_context(browser: Browser, machine: str, cookies: Any) -> BrowserContext:
    """A browser with an empty cache; the phone has a touch screen."""
    phone = machine == "phone"
    size = {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900}
    context = browser.new_context(viewport=size, has_touch=phone, storage_state=cookies)  # type: ignore[arg-type]
    context.add_init_script(OBSERVERS)
    return context


def visit(context: BrowserContext, address: str, name: str, machine: str) -> Seen:
    """Open the page, press some keys and buttons, read what the observers saw."""
    page = context.new_page()
    wire = context.new_cdp_session(page)
    kinds: dict[str, str] = {}
    weights = {"Script": 0.0, "Stylesheet": 0.0}

    def begun(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]

    def ended(event: dict[str, Any]) -> None:
        kind = kinds.get(event["requestId"], "")
        if kind in weights:
            weights[kind] += event["encodedDataLength"] / 1024

    wire.on("Network.responseReceived", begun)
    wire.on("Network.loadingFinished", ended)
    wire.send("Network.enable")
    if machine == "phone":
        speed = 1.6 * 1024 * 1024 / 8
        network = {"offline": False, "latency": 150, "downloadThroughput": speed, "uploadThroughput": speed}
        wire.send("Network.emulateNetworkConditions", network)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(address, wait_until="networkidle")
    page.wait_for_function("window.seen.lcp > 0")
    interact(page)
    seen = page.evaluate("window.seen")
    return Seen(name, machine, seen["lcp"], seen["cls"], seen["worst"], weights["Script"], weights["Stylesheet"])


def interact(page: Page) -> None:
    """What people do on any page: open and leave the palette, the person's menu, step through links."""
    page.keyboard.press("Control+KeyK")
    page.wait_for_selector("#palette[open]")
    page.keyboard.press("Escape")
    page.locator(".user-trigger").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    # Event timings come after the next frame.
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 200)))")


def table(found: list[Seen]) -> str:
    """The table, in Markdown."""
    rows = [
        "| page | machine | largest paint, ms | layout shift | slowest interaction, ms | scripts, KB | styles, KB |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    rows += [
        f"| {seen.page} | {seen.machine} | {seen.lcp:.0f} | {seen.cls:.3f} | {seen.worst:.0f} | {seen.scripts:.0f} "
        f"| {seen.styles:.0f} |{' above the aim' if seen.missed() else ''}"
        for seen in found
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
