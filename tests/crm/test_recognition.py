"""Who is calling: any spelling of any phone or e-mail of a contact, a company or an open lead, one query (LEAD-5)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm.actors import Actor
from crm.client_search import find_clients
from crm.clients import company_create, contact_create
from crm.contact_points import read_points
from crm.models import RecordType
from crm.recognition import owners_of, recognise
from crm.services import record_delete
from crm.stages import move
from leads.services import lead_create
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-5")]
OURS = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
# A code of ten digits that is a mobile, a city's or a free number, and the ways people write it.
CODES = st.sampled_from(["912", "903", "495", "812", "843", "800"])
SPELLINGS = st.sampled_from(
    [
        "+7{0}{1}{2}{3}", "8{0}{1}{2}{3}", "8 ({0}) {1}-{2}-{3}", "+7 {0} {1} {2} {3}", "7-{0}-{1}-{2}-{3}",
        "8({0}){1}{2}{3} доб. 12", "тел.: 8 {0} {1}{2}{3}, звонить вечером", "{0} {1}-{2}-{3}",
    ]
)  # fmt: skip
NUMBERS = st.tuples(CODES, st.integers(200, 999), st.integers(10, 99), st.integers(10, 99))


def spelled(pattern: str, number: tuple[Any, ...]) -> str:
    return pattern.format(*number)


@settings(OURS)
@given(number=NUMBERS, typed=SPELLINGS, asked=SPELLINGS, kind=st.sampled_from(["contact", "company", "lead"]))
def test_whoever_owns_a_number_is_found_by_any_spelling(
    number: tuple[Any, ...], typed: str, asked: str, kind: str
) -> None:
    with transaction.atomic():
        by = make_user()
        text = spelled(typed, number)
        owner: Any
        if kind == "contact":
            owner = contact_create(by=by, data={"name": "Ким Анна", "responsible": by}, phones=text)
        elif kind == "company":
            owner = company_create(by=by, data={"name": "Сталь", "responsible": by}, phones=text)
        else:
            owner = lead_create(by=by, data={"title": "Л", "responsible": by}, phones=text)
        contact_create(by=by, data={"name": "Ли Вей", "responsible": by}, phones="8 999 000-11-22")
        points = read_points(phones=spelled(asked, number))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = owners_of(points)
        assert found == {kind: [owner.pk]}
        assert len(queries) == 1
        known = recognise(points)
        assert known.is_known == (kind != "lead")
        assert (known.lead_ids == (owner.pk,)) == (kind == "lead")
        if kind != "lead":
            tail = "".join(str(part) for part in number)[-6:]
            assert owner in [hit.record for hit in find_clients(tail, by)]
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("+7 701 234 56 78", "+77012345678"),
        ("+375 29 123-45-67", "+375291234567"),
        ("+375 (29) 123-45-67 доб. 3", "+375291234567"),
        ("8 800 555-35-35", "+78005553535"),
    ],
)
def test_neighbours_keep_their_own_country(typed: str, value: str) -> None:
    by = make_user()
    contact = contact_create(by=by, data={"name": "Ким Анна", "responsible": by}, phones=typed)
    assert recognise(read_points(phones=value)).contact == contact
    assert contact.phone == value


def test_two_numbers_in_one_field_and_an_extension_both_lead_there() -> None:
    by = make_user()
    contact = contact_create(
        by=by, data={"name": "Ким Анна", "responsible": by}, phones="8 912 345-67-89 / 8(495)123-45-67 доб. 12"
    )
    for number in ("+79123456789", "84951234567"):
        assert recognise(read_points(phones=number)).contact == contact


@pytest.mark.parametrize("text", ["звоните вечером", "7707083893", "12345", "2026-11-26 12:40", "24x60", ""])
def test_what_is_no_phone_recognises_nobody(text: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert not recognise(read_points(phones=text)).matches


def test_deleted_clients_and_closed_leads_are_nobody() -> None:
    by = make_user()
    contact = contact_create(by=by, data={"name": "Ким Анна", "responsible": by}, emails="Anna@Mail.ru")
    lead = lead_create(by=by, data={"title": "Л", "responsible": by}, phones="89990001122")
    points = read_points(phones="89990001122", emails="anna@mail.ru")
    assert recognise(points).contact == contact
    record_delete(contact, by=by)
    assert recognise(points).lead_ids == (lead.pk,)
    reason = {"reason_id": None, "comment": "Ошиблись номером"}
    from crm.models import RefusalReason
    from crm.stages import Refusal

    reason["reason_id"] = RefusalReason.objects.filter(stage="lead:erroneous").values_list("pk", flat=True)[0]
    move(lead, "erroneous", by=Actor.system(), refusal=Refusal(**reason))  # type: ignore[arg-type]
    known = recognise(points)
    assert (known.contact, known.lead_ids, RecordType.LEAD in known.matches) == (None, (), True)
