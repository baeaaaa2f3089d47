"""Cells of lists filled in where they stand: rights, errors and conflicts as on the card."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from leads.services import lead_create, lead_update
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}


def signed_in(user: Any) -> Client:
    client = Client(headers=HTMX)
    client.force_login(user)
    return client


def make_lead(owner: Any) -> Any:
    data = {"name": "Пётр", "phone": "+79123456789", "length": 60, "width": 24, "responsible": owner}
    return lead_create(by=owner, data=data)


def test_a_cell_is_saved_by_the_service_of_the_card_and_answers_the_whole_row() -> None:
    owner = make_user(Role.SALES_HEAD)
    lead, client = make_lead(owner), signed_in(owner)
    address = f"/leads/{lead.pk}/cells/length/?columns=title,length,area"
    opened = client.get(address).content.decode()
    assert 'name="length"' in opened
    assert "<form" not in opened
    seen = {"seen": "60\x1f24\x1f"}
    answer = client.post(address, {**seen, "length": "30", "width": "24", "height": ""})
    assert 'data-cell="area"' in answer.content.decode()
    assert "720" in answer.content.decode()
    lead.refresh_from_db()
    assert (lead.length, lead.area) == (30, 720)


def test_wrong_values_come_back_with_the_fields_and_another_ones_change_is_shown() -> None:
    owner = make_user(Role.SALES_HEAD)
    lead, client = make_lead(owner), signed_in(owner)
    address = f"/leads/{lead.pk}/cells/phone/"
    wrong = client.post(address, {"seen": "+79123456789", "phone": "звоните"})
    assert (wrong.status_code, "field-error" in wrong.content.decode()) == (422, True)
    lead_update(lead, by=make_user(Role.SALES_HEAD, last_name="Быстров"), data={"phone": "+79990001122"})
    late = client.post(address, {"seen": "+79123456789", "phone": "+79111111111"})
    assert late.status_code == 409
    assert "Быстров" in late.content.decode()
    lead.refresh_from_db()
    assert lead.phone == "+79990001122"


@pytest.mark.rule("ACC-1")
def test_only_who_may_change_the_record_fills_in_its_cells() -> None:
    team = make_team(members_see_each_other=True)
    owner, teammate, stranger = make_user(team=team), make_user(team=team), make_user()
    lead = make_lead(owner)
    address = f"/leads/{lead.pk}/cells/name/"
    assert signed_in(owner).get(address).status_code == 200
    assert signed_in(teammate).get(address).status_code == 403
    assert signed_in(stranger).get(address).status_code == 404
    assert "data-cell=" in signed_in(owner).get("/leads/").content.decode()
    assert "data-cell=" not in signed_in(teammate).get("/leads/").content.decode()
    for key in ("channel", "created", "nothing"):
        assert signed_in(owner).get(f"/leads/{lead.pk}/cells/{key}/").status_code == 404


def test_a_row_that_goes_out_of_sight_leaves_the_list() -> None:
    owner, other = make_user(), make_user()
    lead = make_lead(owner)
    answer = signed_in(owner).post(
        f"/leads/{lead.pk}/cells/responsible/", {"seen": str(owner.pk), "responsible": other.pk}
    )
    assert answer.status_code == 204


def test_the_stage_opens_the_dialog_of_moves_and_without_scripts_the_page_of_the_line() -> None:
    owner = make_user(Role.SALES_HEAD)
    lead = make_lead(owner)
    assert "dialog-form" in signed_in(owner).get(f"/leads/{lead.pk}/cells/stage/").content.decode()
    plain = Client()
    plain.force_login(owner)
    assert plain.get(f"/leads/{lead.pk}/cells/phone/")["Location"] == f"/leads/{lead.pk}/fields/phone/"
