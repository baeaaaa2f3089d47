"""Habits of lists in a real browser: from card to card by keys, cells filled in where they stand, many at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create, lead_update
from objects_registry.models import Purpose
from tests.browser.looking import settled
from tests.browser.russian_layout import press_in_russian_layout
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def make_lead(owner: Any, name: str, **data: Any) -> Lead:
    return lead_create(by=owner, data={"name": name, "title": name, "responsible": owner, **data})


def test_j_and_k_go_through_the_filtered_list_in_russian_layout(page_for: Callable[..., Page]) -> None:
    owner = make_user()
    deals = [make_deal(owner, title=f"Ангар {number}", area=area) for number, area in enumerate((100, 10, 300, 400))]
    page = settled(page_for(owner), "/deals/?area_from=50&sort=title")
    page.get_by_role("link", name="Ангар 0").click()
    nav = page.locator("#record-nav")
    expect(nav).to_contain_text("1 из 3")
    press_in_russian_layout(page, "KeyJ", "о")
    page.wait_for_url(re.compile(rf"/deals/{deals[2].pk}/"))
    expect(nav).to_contain_text("2 из 3")
    page.locator("[data-record-next]").click()
    page.wait_for_url(re.compile(rf"/deals/{deals[3].pk}/"))
    expect(nav).to_contain_text("3 из 3")
    press_in_russian_layout(page, "KeyK", "л")
    page.wait_for_url(re.compile(rf"/deals/{deals[2].pk}/"))
    page.locator("[data-record-list]").click()
    page.wait_for_url(re.compile(r"/deals/\?area_from=50&sort=title$"))


def test_cells_are_filled_in_by_keys_alone_and_a_conflict_is_shown(
    page_for: Callable[..., Page], wait_until: Any
) -> None:
    owner = make_user(Role.SALES_HEAD)
    lead = make_lead(owner, "Лид", phone="+79123456789", email="a@example.com")
    page = settled(page_for(owner), "/leads/?columns=title,phone,email,next")
    cell = page.locator(f"#row-{lead.pk} [data-cell=phone]")
    cell.focus()
    page.keyboard.press("F2")
    field = cell.locator("input[name=phone]")
    expect(field).to_be_focused()
    field.fill("нет телефона")
    page.keyboard.press("Enter")
    expect(cell.locator(".field-error")).to_be_visible()
    cell.locator("input[name=phone]").fill("8 999 111-22-33")
    page.keyboard.press("Tab")
    mail = page.locator(f"#row-{lead.pk} [data-cell=email]")
    expect(mail.locator("input[name=email]")).to_be_focused()
    expect(cell).to_contain_text("+7 (999) 111-22-33")
    page.keyboard.press("Escape")
    expect(mail).to_be_focused()
    expect(mail).to_contain_text("a@example.com")
    page.keyboard.press("Enter")
    expect(mail.locator("input[name=email]")).to_be_focused()
    lead_update(Lead.objects.get(pk=lead.pk), by=make_user(last_name="Быстров"), data={"email": "b@example.com"})
    mail.locator("input[name=email]").fill("c@example.com")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_contain_text("Быстров")
    assert Lead.objects.get(pk=lead.pk).email == "b@example.com"


@pytest.mark.rule("PIPE-3")
def test_many_are_moved_at_once_what_cannot_go_is_named_and_one_press_takes_it_back(
    page_for: Callable[..., Page], wait_until: Any
) -> None:
    owner = make_user(Role.SALES_HEAD)
    purpose = Purpose.objects.all()[0]
    ready = [
        make_deal(owner, title=f"Готовая {number}", contact=make_client(owner), purpose=purpose, area=500)
        for number in range(2)
    ]
    bare = make_deal(owner, title="Пустая")
    page = settled(page_for(owner), "/deals/?sort=title")
    boxes = page.locator("[data-bulk-row]")
    boxes.first.click()
    boxes.last.click(modifiers=["Shift"])
    expect(page.locator("[data-bulk-count]")).to_have_text("Выбрано: 3")
    page.locator("[data-bulk-bar] button[value=move]").click()
    dialog = page.locator("#dialog")
    dialog.locator("select[name=to]").select_option("costing")
    dialog.locator(".btn-primary").click()
    expect(dialog.locator(".bulk-stays tbody tr")).to_have_count(1)
    expect(dialog.locator(".bulk-stays")).to_contain_text("Пустая")
    dialog.locator(".btn-primary").click()
    expect(dialog).to_contain_text("Изменено 2 записи")
    assert {deal.stage for deal in Deal.objects.filter(pk__in=[row.pk for row in ready])} == {"deal:costing"}
    assert Deal.objects.get(pk=bare.pk).stage == "deal:request_received"
    dialog.get_by_role("button", name="Отменить").click()
    wait_until(lambda: not Deal.objects.exclude(stage="deal:request_received").exists(), what="the undo")


def test_a_view_is_kept_with_its_columns_and_opened_on_the_board(page_for: Callable[..., Page]) -> None:
    owner = make_user(Role.SALES_HEAD)
    make_deal(owner, title="Крупная", area=900)
    make_deal(owner, title="Малая", area=10)
    page = settled(page_for(owner), "/deals/?area_from=500")
    page.locator(".views-open").click()
    page.get_by_role("link", name="Столбцы").click()
    dialog = page.locator("#dialog")
    dialog.locator("input[name=columns][value=city]").check()
    dialog.locator("button[name=up][value=city]").focus()
    page.keyboard.press("Enter")
    dialog.locator(".btn-primary").click()
    expect(page.locator("th.col-city")).to_be_visible()
    page.locator(".views-open").click()
    page.get_by_role("link", name="Сохранить").click()
    dialog.locator("input[name=name]").fill("Крупные")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/deals/\?view=\d+&area_from=500"))
    expect(page.locator(".views-open")).to_contain_text("Крупные")
    page.locator(".view-switch a").first.click()
    page.wait_for_url(re.compile(r"/deals/board/\?view=\d+&area_from=500"))
    expect(page.locator("[data-card]")).to_have_count(1)
    page.go_back()
    expect(page.locator("th.col-city")).to_be_visible()


def test_everything_of_one_who_left_is_handed_over_in_five_presses_and_taken_back(
    page_for: Callable[..., Page], wait_until: Any
) -> None:
    admin, gone, heir = make_user(Role.ADMINISTRATOR), make_user(last_name="Ушедший"), make_user(last_name="Новый")
    deals = [make_deal(gone, responsible=gone) for _number in range(3)]
    page = settled(page_for(admin), "/")
    page.locator(".menu-link[href*='/settings/']").first.click()  # 1
    page.locator("a[href='/settings/people/']").first.click()  # 2
    page.get_by_role("link", name="Ушедший").first.click()  # 3
    expect(page.locator(".hand-over .btn")).to_contain_text("(3)")
    page.locator(".hand-over select").select_option(str(heir.pk))  # 4
    page.locator(".hand-over .btn").click()  # 5
    undo = page.locator("#toasts").get_by_role("button", name="Отменить")
    expect(undo).to_be_visible()
    assert {deal.responsible for deal in Deal.objects.filter(pk__in=[row.pk for row in deals])} == {heir}
    undo.click()
    wait_until(lambda: Deal.objects.filter(responsible=gone).count() == 3, what="the undo")


def test_the_filter_takes_one_row_on_a_phone(page_for: Callable[..., Page]) -> None:
    owner = make_user(Role.SALES_HEAD)
    make_deal(owner)
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = page_for(owner, **phone)
    for path in ("/deals/", "/deals/board/"):
        settled(page, path)
        bar = page.locator(".filter-bar").bounding_box()
        assert bar is not None
        assert bar["height"] < 60
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        page.locator(".filter-open").click()
        expect(page.locator(".drawer-switch a").first).to_be_visible()
        page.keyboard.press("Escape")


# Whether the foot of an element is really seen: nothing lies over it or cuts it off.
ON_TOP = """one => {
  const at = one.getBoundingClientRect();
  return one.contains(document.elementFromPoint(at.left + 9, at.bottom - 3));
}"""


def widths(page: Page) -> list[int]:
    found: list[int] = page.locator("thead th").evaluate_all("heads => heads.map(head => head.offsetWidth)")
    return found


def test_a_wide_list_fits_its_box_and_shows_which_edge_goes_on(page_for: Callable[..., Page]) -> None:
    owner = make_user()
    make_deal(owner, title="Ангар", amount=5_600_000, responsible=owner)
    page = settled(page_for(owner), "/deals/")
    wrap = page.locator(".table-wrap.is-wide")
    assert wrap.evaluate("wrap => wrap.scrollWidth - wrap.clientWidth") <= 1
    settled(
        page, "/deals/?columns=title,stage,client,amount,close,next,responsible,created,city,area,source,phone,tags"
    )
    expect(wrap).to_have_class(re.compile("has-more"))
    wrap.evaluate("wrap => wrap.scrollTo(9999, 0)")
    expect(wrap).to_have_class(re.compile("has-less"))
    expect(wrap).not_to_have_class(re.compile("has-more"))


def test_a_double_click_on_a_phone_fills_it_in_and_calls_nobody(page_for: Callable[..., Page]) -> None:
    owner = make_user(Role.SALES_HEAD)
    lead = make_lead(owner, "Лид", phone="+79123456789")
    page = settled(page_for(owner), "/leads/?columns=title,phone,email,next")
    before = widths(page)
    page.evaluate("document.addEventListener('click', (event) => { window.called = !event.defaultPrevented; })")
    cell = page.locator(f"#row-{lead.pk} [data-cell=phone]")
    cell.locator("a[href^='tel:']").dblclick()
    expect(cell.locator("input[name=phone]")).to_be_focused()
    assert page.evaluate("window.called") is False
    assert widths(page) == before
    page.keyboard.press("Escape")
    expect(cell.locator("a[href='tel:+79123456789']")).to_be_visible()


def test_all_that_was_found_is_counted_and_tagged_from_a_list_that_is_not_cut(page_for: Callable[..., Page]) -> None:
    owner = make_user(Role.SALES_HEAD)
    leads = [make_lead(owner, f"Лид {number}") for number in range(3)]
    leads[0].tags.create(name="старая")
    page = settled(page_for(owner), "/leads/")
    page.locator("[data-bulk-row]").first.click()
    count = page.locator("[data-bulk-count]")
    expect(count).to_have_text("Выбрано: 1")
    page.locator("input[name=all_found]").click()
    expect(count).to_have_text("Выбраны все: 3")
    page.locator("[data-bulk-bar] button[value=tag]").click()
    box = page.locator("#id_add-ts-control")
    expect(box).to_be_focused()
    page.keyboard.type("срочно")
    options = page.locator("#id_add-ts-dropdown")
    expect(options.locator(".create")).to_be_visible()
    expect(options.locator(".no-results")).to_have_count(0)
    assert options.locator(".create").evaluate(ON_TOP)
    page.keyboard.press("Enter")
    page.locator("#id_remove-ts-control").fill("новое слово")
    expect(page.locator("#id_remove-ts-dropdown .no-results")).to_be_visible()
    expect(page.locator("#id_remove-ts-dropdown .create")).to_have_count(0)
    page.keyboard.press("Escape")
    page.locator("#dialog .btn-primary").click()
    expect(page.locator("#toasts, #dialog").get_by_text("Отменить").first).to_be_visible()
    assert Lead.objects.filter(tags__name="срочно").count() == 3
