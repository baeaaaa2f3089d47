"""A head makes a robot by hand, tries it, applies it to what stands there, and sees on a lead what it did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import Role
from automation.models import Rule
from crm.models import Activity
from crm.stages import move
from leads.services import lead_create
from tests.factories import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("AUTO-1", "AUTO-5")]


def test_a_robot_made_by_hand_works_on_the_next_lead(page_for: Callable[..., Any]) -> None:
    head = make_user(Role.SALES_HEAD, language="ru")
    standing = lead_create(by=head, data={"name": "Анна Ким", "region": "Тверская область"}, phones="89123456789")
    move(standing, "needs_data", by=head, override=True)
    page = page_for(head)
    page.goto("/settings/rules/")
    page.get_by_role("link", name="Новый робот").click()
    page.get_by_label("Стадия").select_option("lead:needs_data")
    # Another action asks for other fields, and what was chosen above stays.
    page.get_by_label("Что сделать").select_option("write_comment")
    page.get_by_label("Текст").fill("Спросить размеры")
    expect(page.get_by_label("Стадия")).to_have_value("lead:needs_data")
    page.get_by_role("button", name="Проверить").click()
    expect(page.get_by_role("status").get_by_text("Сработал бы 1 раз")).to_be_visible()
    page.get_by_role("button", name="Сохранить").click()
    expect(page.get_by_role("alert")).to_contain_text("Название по-русски")
    page.get_by_label("Название по-русски").fill("Спросить о размерах")
    page.get_by_role("button", name="Сохранить").click()
    expect(page.get_by_text("1 запись уже стоит на стадии")).to_be_visible()
    page.get_by_role("link", name="Посмотреть и применить").click()
    page.get_by_role("dialog").get_by_role("button", name="Применить").click()
    page.wait_for_url("**/jobs/*/")
    page.goto(standing.get_absolute_url())
    expect(page.get_by_text("Спросить размеры").first).to_be_visible()
    fresh = lead_create(by=head, data={"name": "Пётр Ли"}, phones="89120000000")
    move(fresh, "needs_data", by=head, override=True)
    page.goto(fresh.get_absolute_url())
    expect(page.get_by_text("Спросить размеры").first).to_be_visible()
    expect(page.get_by_text("Спросить о размерах").first).to_be_visible()
    rule = Rule.objects.get(is_shipped=False)
    page.goto("/settings/rules/")
    row = page.locator(f"#rule-{rule.pk}")
    expect(row).to_contain_text("Когда лид попадает на стадию «Не хватает данных» – написать комментарий")
    expect(row).to_contain_text("срабатывало: 2")
    assert Activity.objects.filter(title="Спросить размеры").count() == 0


@pytest.mark.rule("COM-1")
def test_placeholders_are_offered_while_one_is_typed(page_for: Callable[..., Any]) -> None:
    page = page_for(make_user(Role.SALES_HEAD))
    page.goto("/settings/templates/")
    page.locator("a[href*='/settings/templates/lead_declined/']").first.click()
    text = page.locator("#dialog-body textarea[name=text]")
    text.fill("Звоните: ")
    page.keyboard.type("{тел")
    option = page.locator("[role=listbox] [role=option]")
    expect(option).to_have_count(1)
    assert text.get_attribute("aria-activedescendant") == option.get_attribute("id")
    page.keyboard.press("Enter")
    expect(text).to_have_value("Звоните: {responsible_phone}")
    page.keyboard.type(" {")
    page.keyboard.press("ArrowDown")
    expect(option.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(option).to_have_count(0)
    expect(text).to_be_visible()  # Esc let go of the list, not of the dialog
