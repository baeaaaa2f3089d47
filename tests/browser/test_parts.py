"""The parts of the interface in a real browser: drag, keys, dialogs, toasts, both themes, a phone.

They stand on the style page, whose answers from the server are played here, so that each trouble can be had at will.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Role
from tests.browser.looking import complete, serious_in_both, settled
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PARTS = ("", "board", "list", "forms", "report", "merge", "dialogs")
DIALOG = (
    '<form class="dialog-form" data-dialog-form action="/nowhere/"><h2 id="dialog-title">{}</h2>'
    '<div class="dialog-main"><input id="reason" name="reason"></div></form>'
)
MOVED = {"status": 204, "headers": {"HX-Trigger": json.dumps({"toast": {"level": "success", "text": "Done"}})}}


@pytest.fixture
def open_part(page_for: Callable[..., Any]) -> Callable[..., Any]:
    """`open_part("board", answer={...}, **context)`: the part, with the server's answer to a move."""

    def open_it(part: str, answer: dict[str, Any] | None = None, **context: Any) -> Any:
        page = page_for(make_user(Role.ADMINISTRATOR, language="en"), **context)
        page.posts = []
        if answer is not None:
            page.route("**/nowhere/", lambda route: play(page, route, answer))
        page.goto(f"/styleguide/?part={part}")
        complete(page)
        return page

    return open_it


def play(page: Any, route: Any, answer: dict[str, Any]) -> None:
    page.posts.append((route.request.method, route.request.post_data))
    if answer.get("lost"):
        route.abort()
    else:
        route.fulfill(**answer)


def cards(page: Any, column: str) -> list[str]:
    found: list[str] = page.eval_on_selector_all(f"#col-{column} [data-card]", "all => all.map(one => one.id)")
    return found


def drag(page: Any, card: str, target: str) -> None:
    start = page.locator(f"#{card}").bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + 60)
    page.mouse.down()
    page.mouse.move(start["x"] + 80, start["y"] + 70, steps=4)
    page.wait_for_timeout(100)
    goal = page.locator(target).bounding_box()
    page.mouse.move(goal["x"] + goal["width"] / 2, goal["y"] + min(goal["height"] / 2, 120), steps=12)
    page.wait_for_timeout(150)
    page.mouse.up()


def press(page: Any, key: str, code: str, modifiers: int = 0) -> None:
    """A key as the Russian layout sends it: the letter is Russian, the place is the same."""
    session = page.context.new_cdp_session(page)
    for kind in ("keyDown", "keyUp"):
        session.send("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": code, "modifiers": modifiers})


def test_a_dragged_card_is_moved_with_one_post(open_part: Callable[..., Any]) -> None:
    page = open_part("board", MOVED)
    drag(page, "card-1", "#col-costing [data-cards]")
    page.get_by_text("Done").wait_for()
    assert "card-1" in cards(page, "costing")
    assert page.posts == [("POST", "to=costing&expected_stage=deal%3Arequest_received")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 500}, "The server could not do it"),
        ({"status": 403}, "You have no right"),
        ({"lost": True}, "No connection"),
    ],
    ids=["error", "forbidden", "lost"],
)
def test_a_move_that_fails_puts_the_card_back_and_says_so(
    open_part: Callable[..., Any], answer: dict[str, Any], said: str
) -> None:
    page = open_part("board", answer)
    before = cards(page, "request_received")
    drag(page, before[1], "#col-costing [data-cards]")
    page.locator(".toast-error", has_text=said).wait_for()
    assert cards(page, "request_received") == before


@pytest.mark.parametrize("status", [409, 422])
@pytest.mark.rule("PIPE-6")
def test_a_refused_move_puts_the_card_back_and_opens_the_dialog(open_part: Callable[..., Any], status: int) -> None:
    page = open_part("board", {"status": status, "body": DIALOG.format("Not yet"), "content_type": "text/html"})
    before = cards(page, "request_received")
    drag(page, before[0], "#col-costing [data-cards]")
    page.locator("#dialog[open]").wait_for()
    assert cards(page, "request_received") == before
    assert page.evaluate("document.activeElement.id") == "reason"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == before[0]


def test_a_drop_on_refusal_asks_for_the_reason(open_part: Callable[..., Any]) -> None:
    page = open_part("board", {"status": 200, "body": DIALOG.format("Why?"), "content_type": "text/html"})
    before = cards(page, "request_received")
    drag(page, before[0], ".board-end.is-bad")
    page.locator("#dialog[open]").wait_for()
    assert cards(page, "request_received") == before
    assert [method for method, _data in page.posts] == ["GET"]


def test_a_card_is_moved_by_keys_in_the_russian_layout(open_part: Callable[..., Any]) -> None:
    page = open_part("board", MOVED)
    page.locator("#card-0").focus()
    press(page, "ь", "KeyM")
    press(page, "4", "Digit4")  # at once: nobody waits for a menu they know
    page.get_by_text("Done").wait_for()
    assert "card-0" in cards(page, "negotiation")
    assert page.posts[0][1].startswith("to=negotiation&")
    assert page.evaluate("document.activeElement.id") == "card-0"


def test_shortcuts_go_by_the_place_of_the_key(open_part: Callable[..., Any]) -> None:
    page = open_part("list")
    press(page, "л", "KeyK", 2)
    page.locator("#palette[open]").wait_for()
    page.keyboard.type("4567")
    page.keyboard.press("Escape")
    assert page.locator("#palette[open]").count() == 0
    press(page, ",", "Slash", 8)
    page.locator("#keys-help[open]").wait_for()
    page.locator("[data-keys-toggle]").uncheck()
    page.keyboard.press("Escape")
    press(page, ".", "Slash")
    assert page.locator("#palette[open]").count() == 0, "single keys were switched off"


def test_a_box_in_a_window_just_closed_swallows_no_shortcut(open_part: Callable[..., Any]) -> None:
    """Until the browser draws again the focus stays in it, and a quick person has pressed the next key by then."""
    page = open_part("list")
    press(page, "л", "KeyK", 2)
    page.locator("#palette[open]").wait_for()
    page.evaluate("""() => {
        const box = document.querySelector("#palette input");
        box.closest("dialog").close();
        box.dispatchEvent(new KeyboardEvent("keydown", {key: "?", code: "Slash", shiftKey: true, bubbles: true}));
    }""")
    page.locator("#keys-help[open]").wait_for()


def test_swipes_scroll_the_board_and_move_nothing(open_part: Callable[..., Any]) -> None:
    page = open_part("board", MOVED, **PHONE)
    session = page.context.new_cdp_session(page)

    def swipe(from_x: int, from_y: int, to_x: int, to_y: int) -> None:
        touch = "Input.dispatchTouchEvent"
        session.send(touch, {"type": "touchStart", "touchPoints": [{"x": from_x, "y": from_y}]})
        for step in range(1, 9):
            place = {"x": from_x + (to_x - from_x) * step / 8, "y": from_y + (to_y - from_y) * step / 8}
            session.send(touch, {"type": "touchMove", "touchPoints": [place]})
        session.send(touch, {"type": "touchEnd", "touchPoints": []})

    for _round in range(12):
        swipe(200, 700, 200, 540)
        swipe(200, 540, 200, 700)
    swipe(340, 640, 40, 640)
    page.wait_for_timeout(600)
    assert page.evaluate("document.querySelector('.board').scrollLeft") > 100
    assert page.posts == []


def test_a_tap_on_the_menu_moves_a_card(open_part: Callable[..., Any]) -> None:
    page = open_part("board", MOVED, **PHONE)
    page.locator("#card-0 [data-move-open]").tap()
    page.locator("#move-menu [data-to=costing]").tap()
    page.get_by_text("Done").wait_for()
    assert "card-0" in cards(page, "costing")
    assert page.evaluate("document.querySelector('.board').scrollLeft") < 100, "one stays in the column at hand"


def test_a_form_pressed_twice_is_sent_once(open_part: Callable[..., Any]) -> None:
    page = open_part("", {"status": 500})
    text = page.locator("#composer-note textarea")
    text.fill("Ворота 4×4,5")
    page.evaluate(
        "() => { const f = document.querySelector('#composer-note form'); f.requestSubmit(); f.requestSubmit(); }"
    )
    page.locator(".toast-error").wait_for()
    assert [method for method, _data in page.posts] == ["POST"]
    assert text.input_value() == "Ворота 4×4,5"
    page.wait_for_timeout(600)  # the draft is written when the typing pauses
    page.reload()
    assert page.locator("#composer-note textarea").input_value() == "Ворота 4×4,5"


def test_the_theme_is_kept_and_needs_no_repainting(open_part: Callable[..., Any]) -> None:
    page = open_part("list")
    page.locator(".user-trigger").click()
    page.locator("[data-theme-set=dark]").click()
    answer = page.goto("/styleguide/?part=list")
    assert 'data-bs-theme="dark"' in answer.text(), "the server draws the theme, so nothing flashes"


@pytest.mark.parametrize("size", [1440, 390])
def test_nothing_serious_for_assistive_technology(open_part: Callable[..., Any], size: int) -> None:
    page = open_part("", viewport={"width": size, "height": 844}, bypass_csp=True)
    found = []
    for part in PARTS:
        settled(page, f"/styleguide/?part={part}")
        found += [(part, fault) for fault in serious_in_both(page)]
    assert not found


@pytest.mark.parametrize("size", [390, 320])
def test_nothing_is_wider_than_a_phone_or_too_small_for_a_finger(open_part: Callable[..., Any], size: int) -> None:
    page = open_part("", **{**PHONE, "viewport": {"width": size, "height": 844}})
    for part in PARTS:
        page.goto(f"/styleguide/?part={part}")
        complete(page)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, part
        assert page.evaluate(SMALL_TARGETS) == [], part


SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, select, summary, [role=tab], input[type=checkbox]')]
  .filter((one) => !one.closest('[popover]:not(:popover-open), dialog:not([open]), .ts-hidden-accessible, .skip-link'))
  .map((one) => [one.className || one.tagName, (one.closest('label') || one).getBoundingClientRect()])
  .filter(([, box]) => box.width && box.height && (box.width < 23.5 || box.height < 23.5))
  .map(([name, box]) => `${name} ${Math.round(box.width)}x${Math.round(box.height)}`)"""
