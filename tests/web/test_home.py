"""«My day»: every counter is the number of rows of the list that it opens, and work is done in its rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.actors import Actor
from crm.models import Activity, Notification
from crm.services import activity_create
from crm.stages import move
from leads.services import lead_create
from partners.handoff import hand_over
from tests.factories import make_client, make_deal, make_partner, make_user
from tests.partners.scene import Scene

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def make_lead(by: Any, responsible: Any, stage: str = "") -> Any:
    from crm.stages import move

    lead = lead_create(by=by, data={"name": "Пётр Семёнов", "responsible": responsible})
    if stage:
        move(lead, stage, by=by, override=True)
    return lead


def busy_company(clock: Any) -> dict[str, Any]:
    """Two managers with work late, due and unplanned, and the others who look on."""
    people = {role: make_user(role, language="en") for role in Role.values}
    second = make_user(language="en")
    head = people["sales_head"]
    for manager in (people["sales_manager"], second):
        for number, due in enumerate((-30, -2, 2, 30)):
            deal = make_deal(manager, responsible=manager)
            when = clock.now() + timedelta(hours=due)
            activity_create(deal, title=f"Дело {number}", due_at=when, responsible=manager, by=manager)
        make_deal(manager, responsible=manager)
        make_lead(head, manager, "handed_over")
    make_lead(head, None)
    return {**people, "second": second}


@pytest.mark.rule("ACT-1", "ACC-1")
@pytest.mark.parametrize("role", Role.values)
def test_each_counter_equals_the_rows_of_its_list(client: Client, clock: Any, role: str) -> None:
    user = busy_company(clock)[role]
    client.force_login(user)
    pages = ["/", "/?of=all"] if user.is_head else ["/"]
    for page in pages:
        sections = client.get(page).context["sections"]
        assert sections
        for section in sections:
            assert client.get(section.url).context["page"].count == section.count, (role, section.code, section.url)


@pytest.mark.rule("ACT-1")
def test_a_managers_day_holds_their_own_work_alone(client: Client, clock: Any) -> None:
    company = busy_company(clock)
    client.force_login(company["sales_manager"])
    counts = {section.code: section.count for section in client.get("/").context["sections"]}
    assert counts == {"overdue": 2, "today": 1, "new_leads": 1, "idle_deals": 1}
    client.force_login(company["sales_head"])
    everybody = {section.code: section.count for section in client.get("/?of=all").context["sections"]}
    assert everybody["overdue"] == 4
    assert everybody["idle_deals"] == 2


@pytest.mark.rule("ACT-1")
def test_a_task_is_done_and_the_next_step_planned_in_its_row(client: Client, clock: Any) -> None:
    manager = make_user(language="en")
    deal = make_deal(manager, responsible=manager)
    task = activity_create(deal, title="Позвонить", due_at=clock.now(), responsible=manager, by=manager)
    client.force_login(manager)
    assert f"/tasks/{task.pk}/done/" in client.get("/").content.decode()
    row = client.post(f"/tasks/{task.pk}/done/", headers=HTMX).content.decode()
    assert f"/tasks/{task.pk}/next/" in row
    client.post(f"/tasks/{task.pk}/next/", {"title": "Отправить КП", "due_at": "завтра 15:00"}, headers=HTMX)
    deal.refresh_from_db()
    assert deal.next_activity_title == "Отправить КП"


@pytest.mark.rule("ACT-1", "ACC-1")
def test_a_next_step_is_planned_from_the_page_by_whoever_may_change_the_record(client: Client, clock: Any) -> None:
    manager = make_user(language="en")
    deal = make_deal(manager, responsible=manager)
    url = f"/next-step/deal/{deal.pk}/"
    data = {"kind": "call", "title": "Узнать решение", "due_at": "завтра 10:00"}
    client.force_login(make_user())
    assert client.post(url, data).status_code == 404
    client.force_login(manager)
    assert client.get(url, headers=HTMX).status_code == 200
    assert client.post(url, {**data, "due_at": "когда-нибудь"}, headers=HTMX).status_code == 422
    assert client.post(url, data, headers=HTMX).status_code == 204
    assert Activity.objects.get().title == "Узнать решение"


def test_the_page_takes_few_queries_whatever_the_number_of_rows(
    client: Client, clock: Any, django_assert_max_num_queries: Any
) -> None:
    company = busy_company(clock)
    client.force_login(company["sales_manager"])
    client.get("/")
    with django_assert_max_num_queries(15):
        client.get("/")


def test_tasks_are_listed_by_state_and_changed_in_a_dialog(client: Client, clock: Any) -> None:
    manager = make_user(language="en")
    deal = make_deal(manager, responsible=manager)
    late = activity_create(
        deal, title="Опоздавшее", due_at=clock.now() - timedelta(days=1), responsible=manager, by=manager
    )
    client.force_login(manager)
    assert "Опоздавшее" in client.get("/tasks/").content.decode()
    assert "Опоздавшее" in client.get("/tasks/?state=overdue").content.decode()
    assert "Опоздавшее" not in client.get("/tasks/?state=done").content.decode()
    data = {"kind": "meeting", "title": "Встреча", "due_at": "завтра 12:00", "responsible": manager.pk}
    assert client.post(f"/tasks/{late.pk}/edit/", data, headers=HTMX).status_code == 204
    deal.refresh_from_db()
    assert deal.next_activity_title == "Встреча"
    assert deal.next_activity_at > clock.now()


@pytest.mark.rule("ACC-1")
def test_the_bell_shows_own_lines_and_hides_records_out_of_sight(client: Client) -> None:
    manager, other = make_user(language="en"), make_user(language="en")
    seen, hidden = make_deal(manager, responsible=manager), make_deal(other, responsible=other, title="Чужая тайна")
    for deal in (seen, hidden):
        Notification.objects.create(
            user=manager, record_type="deal", record_id=deal.pk, action="note", data={"text": "Взгляните"}
        )
    client.force_login(manager)
    page = client.get("/notifications/").content.decode()
    assert str(seen) in page
    assert "Чужая тайна" not in page
    assert "2 new notifications" in page
    first = Notification.objects.get(record_id=seen.pk)
    assert client.get(f"/notifications/{first.pk}/")["Location"] == seen.get_absolute_url()
    client.post("/notifications/read/")
    assert not Notification.objects.filter(read_at__isnull=True).exists()
    client.force_login(other)
    assert client.get(f"/notifications/{first.pk}/").status_code == 404


@pytest.mark.parametrize("role", Role.values)
def test_every_line_of_the_menu_opens(client: Client, role: str) -> None:
    user = make_user(role) if role != Role.PARTNER else make_user(role, partner=make_partner())
    client.force_login(user)
    context = client.get("/").context
    urls = [line["url"] for line in context["menu"] if "url" in line]
    assert len(urls) >= 3
    for url in [*urls, *(item["url"] for item in context["quick_create"])]:
        assert client.get(url, follow=True).status_code == 200, url


def test_a_new_responsible_is_told_and_nobody_of_their_own_doing(client: Client) -> None:
    from crm.services import record_assign

    head, manager = make_user(Role.SALES_HEAD, language="en"), make_user(language="en")
    deal = make_deal(head, responsible=head)
    record_assign(deal, responsible=manager, by=head)
    record_assign(deal, responsible=head, by=head)
    assert list(Notification.objects.values_list("user", "record_id")) == [(manager.pk, deal.pk)]
    client.force_login(manager)
    # The record has gone out of sight again, and with it what was said of it.
    assert str(deal) not in client.get("/notifications/").content.decode()


@pytest.mark.rule("PART-2", "ACT-1")
def test_what_was_handed_over_is_new_to_the_partner_though_it_has_its_task(client: Client) -> None:
    head, dealer = make_user(Role.SALES_HEAD), make_user(Role.PARTNER, language="en")
    colleague, other = make_user(Role.PARTNER, partner=dealer.partner), make_user(Role.PARTNER)
    for record in (make_deal(head, contact=make_client(head)), make_lead(head, head, "handed_over")):
        hand_over(record=record, partner=dealer.partner, by=head)
    for person, wanted in ((dealer, 1), (colleague, 1), (other, 0)):
        client.force_login(person)
        sections = {section.code: section for section in client.get("/").context["sections"]}
        for code in ("new_deals", "new_leads"):
            assert sections[code].count == wanted
            assert client.get(sections[code].url).context["page"].count == wanted


@pytest.mark.rule("PART-5", "PART-4")
def test_control_finds_on_its_day_whom_to_ask_and_what_is_late(client: Client, clock: Any) -> None:
    scene = Scene()
    _handoff, twin = scene.handed(scene.deal())
    scene.handed(scene.lead())
    move(twin, "feedback", by=Actor.system(), override=True)
    clock.travel(days=30)
    client.force_login(scene.control)
    sections = {section.code: section for section in client.get("/").context["sections"]}
    assert {code: sections[code].count for code in ("feedback", "late_deals", "late_leads")} == {
        "feedback": 1,
        "late_deals": 1,
        "late_leads": 1,
    }
    assert [item["record"] for item in sections["feedback"].items] == [twin]
    for section in sections.values():
        assert client.get(section.url).context["page"].count == section.count
    client.force_login(scene.dealer)
    assert "feedback" not in {section.code for section in client.get("/").context["sections"]}
