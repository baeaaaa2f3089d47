"""People, profile, tokens and the audit trail in the browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiToken, Role, Team, User
from crm.clients import contact_create
from crm.models import Activity, Change, ListJob
from crm.services import activity_create
from leads.services import lead_create
from tests.factories import make_deal, make_partner, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def admin() -> Any:
    return make_user(Role.ADMINISTRATOR, language="en")


@pytest.fixture
def office(client: Client, admin: Any) -> Client:
    client.force_login(admin)
    return client


def person_data(**fields: Any) -> dict[str, Any]:
    return {
        "email": "anna@example.com", "last_name": "Иванова", "role": "sales_manager", "language": "ru",
        "time_zone": "Europe/Moscow", **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/settings/people/", "/settings/people/new/", "/settings/teams/", "/settings/security/"]
)
def test_only_the_administrator_gets_in(office: Client, path: str) -> None:
    assert office.get(path).status_code == 200
    for role in Role.values:
        if role != Role.ADMINISTRATOR:
            office.force_login(make_user(role))
            assert office.get(path).status_code == 403


@pytest.mark.rule("ACC-4", "ACC-5")
def test_a_person_is_made_sets_a_password_by_the_link_and_signs_in(office: Client) -> None:
    office.post("/settings/people/new/", person_data(phone="8 912 345-67-89"))
    user = User.objects.get(email="anna@example.com")
    assert user.phone == "+79123456789"
    assert not user.has_usable_password()
    page = office.post(f"/settings/people/{user.pk}/password/", headers=HTMX).content.decode()
    link = re.search(r'value="(http[^"]+)"', page)[1]  # type: ignore[index]
    browser = Client()
    entered = browser.get(link, follow=True)
    assert entered.status_code == 200
    done = browser.post(entered.request["PATH_INFO"], {"password1": "тайна-тайна-77", "password2": "тайна-тайна-77"})
    assert done.status_code == 302
    user.refresh_from_db()
    assert user.check_password("тайна-тайна-77")
    assert Change.objects.filter(record_type="user", record_id=user.pk, field="created").exists()


def test_wrong_values_are_named_and_nothing_is_lost(office: Client, admin: Any) -> None:
    answer = office.post("/settings/people/new/", person_data(email=admin.email, role="partner"))
    assert answer.status_code == 422
    assert "email" in answer.context["form"].errors
    assert 'value="Иванова"' in answer.content.decode()
    answer = office.post("/settings/people/new/", person_data(role="partner"))
    assert "A partner user needs a partner" in answer.content.decode()
    partner = make_partner()
    office.post("/settings/people/new/", person_data(role="partner", partner=partner.pk))
    assert User.objects.get(email="anna@example.com").partner == partner


@pytest.mark.rule("ACC-5")
def test_changes_of_a_person_are_in_the_audit_trail(office: Client) -> None:
    user = make_user(email="anna@example.com", last_name="Иванова")
    office.post(f"/settings/people/{user.pk}/", person_data(last_name="Петрова", first_name="Test", role="call_center"))
    user.refresh_from_db()
    assert (user.last_name, user.role) == ("Петрова", "call_center")
    page = office.get("/settings/audit/?record_type=user").content.decode()
    assert "Петрова" in page
    assert "Call-centre operator" in page


@pytest.mark.rule("ACC-3")
def test_switching_off_ends_sessions_and_the_last_administrator_stays(office: Client, admin: Any) -> None:
    user = make_user()
    other = Client()
    other.force_login(user)
    office.post(f"/settings/people/{user.pk}/switch/", {"on": "0"})
    assert other.get("/").status_code == 302
    user.refresh_from_db()
    assert not user.is_active
    assert office.post(f"/settings/people/{admin.pk}/switch/", {"on": "0"}, headers=HTMX).status_code == 422
    office.post(f"/settings/people/{user.pk}/switch/", {"on": "1"})
    assert User.objects.get(pk=user.pk).is_active


def test_everything_of_one_who_left_goes_to_another_at_once(office: Client, admin: Any) -> None:
    gone, heir, foreign = make_user(), make_user(), make_user(Role.PARTNER)
    contacts = [
        contact_create(by=admin, data={"name": f"Петров {name}", "responsible": gone}) for name in ("Иван", "Олег")
    ]
    office.post(f"/settings/people/{gone.pk}/hand-over/", {"to": foreign.pk})
    office.post(f"/settings/people/{gone.pk}/hand-over/", {"to": heir.pk})
    for contact in contacts:
        contact.refresh_from_db()
        assert contact.responsible == heir


def test_what_was_handed_over_goes_back_with_its_tasks(office: Client, admin: Any) -> None:
    gone, heir = make_user(), make_user()
    deal = make_deal(gone, responsible=gone)
    foreign = make_deal(admin, responsible=admin)
    tasks = [
        activity_create(row, title="Дело", due_at=row.created_at, responsible=gone, by=admin) for row in (deal, foreign)
    ]
    page = office.get(f"/settings/people/{gone.pk}/")
    assert page.context["work_total"] == 1
    answer = office.post(f"/settings/people/{gone.pk}/hand-over/", {"to": heir.pk})
    assert [Activity.objects.get(pk=task.pk).responsible for task in tasks] == [heir, heir]
    job = ListJob.objects.get()
    assert (job.done, answer["Location"]) == (1, f"/settings/people/{gone.pk}/")
    office.post(f"/jobs/{job.pk}/undo/")
    deal.refresh_from_db()
    assert deal.responsible == gone
    assert [Activity.objects.get(pk=task.pk).responsible for task in tasks] == [gone, gone]


def test_a_team_is_made_and_changed(office: Client) -> None:
    office.post("/settings/teams/new/", {"name": "Север"})
    team = Team.objects.get(name="Север")
    office.post(f"/settings/teams/{team.pk}/", {"name": "Север", "members_see_each_other": "on"})
    team.refresh_from_db()
    assert team.members_see_each_other


def test_the_profile_changes_language_and_absence_but_no_rights(client: Client) -> None:
    user = make_user(language="ru")
    client.force_login(user)
    data = {"last_name": "Новая", "language": "en", "time_zone": "Asia/Omsk", "absent_from": "31.12.2026"}
    client.post("/profile/", {**data, "role": "administrator", "email": "x@example.com"})
    user.refresh_from_db()
    assert (user.last_name, user.language, user.time_zone, user.role) == ("Новая", "en", "Asia/Omsk", "sales_manager")
    assert str(user.absent_from) == "2026-12-31"
    assert "Profile and security" in client.get("/profile/").content.decode()
    wrong = client.post("/profile/", {**data, "absent_to": "01.01.2026"})
    assert wrong.status_code == 422
    assert "ends before it begins" in wrong.content.decode()


@pytest.mark.rule("ACC-4")
def test_a_token_is_shown_once_works_and_is_revoked(client: Client) -> None:
    user = make_user(language="en")
    client.force_login(user)
    page = client.post("/profile/tokens/", {"name": "Сайт", "scopes": ["read"], "days": "30"}).content.decode()
    secret = re.search(r'value="(crm_[^"]+)"', page)[1]  # type: ignore[index]
    assert secret not in client.get("/profile/tokens/").content.decode()
    token = ApiToken.objects.get()
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    assert program.get("/api/v1/me/").status_code == 200
    stranger = Client()
    stranger.force_login(make_user())
    assert stranger.post(f"/profile/tokens/{token.pk}/revoke/").status_code == 404
    client.post(f"/profile/tokens/{token.pk}/revoke/")
    assert program.get("/api/v1/me/").status_code == 401
    assert client.post("/profile/tokens/", {"name": "Пусто", "days": "30"}).status_code == 422


@pytest.mark.rule("ACC-5")
def test_the_audit_trail_is_cut_by_record_person_and_day_and_has_no_way_to_change_it(
    office: Client, admin: Any
) -> None:
    contact = contact_create(by=admin, data={"name": "Петров Иван", "responsible": admin})
    office.post(f"/contacts/{contact.pk}/fields/position/", {"position": "Директор", "seen": ""}, headers=HTMX)
    for query in ("record_type=contact", f"actor_user={admin.pk}", "field=position", f"record_id={contact.pk}"):
        assert "Директор" in office.get(f"/settings/audit/?{query}").content.decode()
    assert "Директор" not in office.get("/settings/audit/?at_to=2001-01-01").content.decode()
    assert office.post("/settings/audit/").status_code == 405


def test_the_audit_trail_names_people_instead_of_their_numbers(office: Client, admin: Any) -> None:
    heir = make_user(last_name="Наследников")
    contact = contact_create(by=admin, data={"name": "Петров Иван", "responsible": admin})
    office.post(f"/contacts/{contact.pk}/assign/", {"responsible": heir.pk})
    assert "Наследников" in office.get("/settings/audit/?field=responsible").content.decode().split('id="rows"')[1]


@pytest.mark.rule("ACC-1")
def test_the_sales_head_hands_over_the_work_of_one_who_left_and_nobody_else_does(client: Client) -> None:
    head, heir = make_user(Role.SALES_HEAD, language="en"), make_user()
    gone = make_user(is_active=False)
    leads = [lead_create(by=head, data={"name": "Пётр", "responsible": gone}) for _number in range(2)]
    for lead in leads:
        type(lead).objects.filter(pk=lead.pk).update(responsible=gone)
    client.force_login(head)
    page = client.get("/settings/work/", {"person": gone.pk}).content.decode()
    assert f"/settings/people/{gone.pk}/hand-over/" in page
    assert client.get("/settings/people/").status_code == 403
    client.post(f"/settings/people/{gone.pk}/hand-over/", {"to": heir.pk})
    assert {type(lead).objects.get(pk=lead.pk).responsible_id for lead in leads} == {heir.pk}
    answer = client.post(f"/api/v1/users/{heir.pk}/hand-over/", {"to": head.pk}, content_type="application/json")
    assert (answer.status_code, answer.json()["done"]) == (200, 2)
    for role in (Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER_CONTROL, Role.PARTNER):
        client.force_login(make_user(role))
        assert client.get("/settings/work/").status_code == 403
        assert client.post(f"/settings/people/{head.pk}/hand-over/", {"to": heir.pk}).status_code == 403
        answer = client.post(f"/api/v1/users/{head.pk}/hand-over/", {"to": heir.pk}, content_type="application/json")
        assert answer.status_code == 403
    assert {type(lead).objects.get(pk=lead.pk).responsible_id for lead in leads} == {head.pk}
