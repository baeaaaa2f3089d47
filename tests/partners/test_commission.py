"""Commission of partners: steps and rounding, frozen on winning, a ledger that is never rewritten, the statement."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from accounts.models import Role
from crm.errors import InvalidInput
from crm.models import Change, TimelineEntry
from crm.stages import move
from deals.services import deal_create
from partners.commission import (
    commission_correct,
    commission_of,
    commission_pay,
    commission_rule_set,
    percent_of,
    read_steps,
    rule_in_force,
    span_of,
)
from partners.models import CommissionEntry, CommissionRule
from partners.statement import statement
from tests.factories import make_user
from tests.partners.scene import Scene, browser, fresh, win

pytestmark = pytest.mark.rule("PART-6")
AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=2)
PERCENTS = st.decimals(min_value=0, max_value=100, places=2)
STEPS = st.dictionaries(st.decimals(min_value=1, max_value=10**8, places=2), PERCENTS, max_size=4)


# -- reckoning --------------------------------------------------------------------------------------------------------


@given(AMOUNTS, PERCENTS, STEPS)
@settings(max_examples=60, deadline=None)
def test_a_commission_is_the_percent_of_the_step_reached_to_the_kopeck(
    amount: Decimal, first: Decimal, steps: dict[Decimal, Decimal]
) -> None:
    kept = read_steps([(0, first), *steps.items()])
    ladder = CommissionRule(steps=kept).ladder
    reached = max((start for start in [Decimal(0), *steps] if start <= amount), default=Decimal(0))
    percent = percent_of(ladder, amount)
    assert percent == {Decimal(0): first, **steps}[reached]
    due = commission_of(amount, percent)
    assert 0 <= due <= amount
    assert due == due.quantize(Decimal("0.01"))
    assert abs(due - amount * percent / 100) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("amount", "percent", "due"),
    [("0.10", "5", "0.01"), ("0.30", "5", "0.02"), ("1234567.89", "3.5", "43209.88"), ("99.99", "0", "0.00")],
)
def test_half_a_kopeck_goes_up(amount: str, percent: str, due: str) -> None:
    assert commission_of(Decimal(amount), Decimal(percent)) == Decimal(due)


@pytest.mark.parametrize(
    ("span", "days"),
    [
        ("deal", None),
        ("month", (date(2026, 2, 1), date(2026, 2, 28))),
        ("quarter", (date(2026, 1, 1), date(2026, 3, 31))),
        ("year", (date(2026, 1, 1), date(2026, 12, 31))),
    ],
)
def test_a_period_has_a_first_and_a_last_day(span: str, days: Any) -> None:
    assert span_of(span, date(2026, 2, 14)) == days
    assert span_of("month", date(2026, 12, 31)) == (date(2026, 12, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    "steps",
    [[], [(1, 5)], [(0, 101)], [(0, -1)], [(0, "nan")], [(0, "пять")], [(0, 1), (5, 2), (5, 3)], [(0,)], [(-1, 5)]],
)
def test_steps_that_make_no_sense_are_refused(steps: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_steps(steps)
    assert refused.value.errors[0]["pointer"].startswith("/steps")


# -- the ledger -------------------------------------------------------------------------------------------------------


@pytest.fixture
def scene(clock: Any, db: None) -> Scene:
    return Scene()


def lines(scene: Scene) -> list[tuple[str, Decimal]]:
    rows = CommissionEntry.objects.filter(partner=scene.partner).order_by("pk")
    return [(row.kind, row.amount) for row in rows]


def won_by_partner(scene: Scene, amount: Any, **data: Any) -> Any:
    """A deal that the partner has won."""
    _handoff, twin = scene.handed(scene.deal())
    win(scene, twin, amount=amount, **data)
    return fresh(twin)


def test_a_win_is_accrued_with_its_basis_and_later_terms_change_nothing(scene: Scene) -> None:
    rule = commission_rule_set(scene.partner, by=scene.head, steps=[(0, 4), (1_000_000, "5.5")])
    twin = won_by_partner(scene, Decimal("1200000.10"))
    entry = CommissionEntry.objects.get()
    assert (entry.partner, entry.deal_id, entry.kind) == (scene.partner, twin.pk, "accrual")
    assert (entry.base, entry.percent, entry.amount) == (
        Decimal("1200000.10"), Decimal("5.50"), Decimal("66000.01"),
    )  # fmt: skip
    assert (entry.rule, entry.actor_user, entry.day) == (rule, scene.control, date(2026, 3, 2))
    assert entry.basis["steps"] == [["0.00", "4.00"], ["1000000.00", "5.50"]]
    assert entry.basis["contract"] == "15-А"
    commission_rule_set(scene.partner, by=scene.head, steps=[(0, 10)])
    assert lines(scene) == [("accrual", Decimal("66000.01"))]
    told = TimelineEntry.objects.get(record_type="deal", record_id=twin.pk, action="commission_accrued")
    assert told.data["percent"] == "5.50"


def test_the_manufacturers_own_deal_and_a_partner_without_terms_accrue_nothing(scene: Scene) -> None:
    won_by_partner(scene, 500_000)
    own = deal_create(by=scene.head, data={"title": "Ангар", "responsible": scene.head, "amount": 5})
    move(own, "contract_signed", by=scene.head, override=True)
    assert not CommissionEntry.objects.exists()


def test_a_reopened_deal_comes_to_nought_and_is_accrued_anew_when_won_again(scene: Scene) -> None:
    commission_rule_set(scene.partner, by=scene.head, steps=[(0, 3)])
    twin = won_by_partner(scene, 100_000)
    commission_correct(scene.partner, by=scene.head, amount=Decimal("-250.50"), reason="Скидка клиенту", deal=twin)
    move(twin, "feedback", by=scene.head, reason="Клиент нашёл брак", override=True)
    assert lines(scene)[-1] == ("reversal", Decimal("-2749.50"))
    assert sum(amount for _kind, amount in lines(scene)) == 0
    commission_rule_set(scene.partner, by=scene.head, steps=[(0, 2)])
    move(fresh(twin), "won", by=scene.control)
    assert lines(scene)[-1] == ("accrual", Decimal("2000.00"))
    assert sum(CommissionEntry.objects.values_list("base", flat=True)) == 100_000


def test_steps_by_the_quarter_count_what_was_won_in_it_before(scene: Scene, clock: Any) -> None:
    commission_rule_set(scene.partner, by=scene.head, steps=[(0, 3), (1_000_000, 5)], span="quarter")
    for amount in (600_000, 600_000):
        won_by_partner(scene, amount)
    assert lines(scene) == [("accrual", Decimal(18_000)), ("accrual", Decimal(30_000))]
    assert CommissionEntry.objects.last().basis["won_before"] == "600000.00"  # type: ignore[union-attr]
    clock.travel(days=40)
    won_by_partner(scene, 600_000)
    assert lines(scene)[-1] == ("accrual", Decimal(18_000))


def test_terms_begin_on_their_day_and_the_same_terms_are_not_written_twice(scene: Scene, clock: Any) -> None:
    first = commission_rule_set(scene.partner, by=scene.head, steps=[(0, 3)])
    commission_rule_set(scene.partner, by=scene.head, steps=[(0, 9)], valid_from=date(2026, 4, 1))
    assert rule_in_force(scene.partner.pk) == first
    assert commission_rule_set(scene.partner, by=scene.head, steps=[("0", "3.00")]) == first
    clock.travel(days=40)
    assert rule_in_force(scene.partner.pk).steps == [["0.00", "9.00"]]  # type: ignore[union-attr]
    assert Change.objects.filter(record_type="partner", field="commission", actor_user=scene.head).count() == 2


def test_a_line_is_neither_changed_nor_doubled(scene: Scene) -> None:
    commission_rule_set(scene.partner, by=scene.head, steps=[(0, 3)])
    won_by_partner(scene, 100_000)
    entry = CommissionEntry.objects.get()
    with pytest.raises(TypeError):
        entry.save()
    for _press in range(2):
        commission_pay(scene.partner, by=scene.head, amount=Decimal(1000), key="one form")
    assert lines(scene)[1:] == [("payment", Decimal(-1000))]
    with pytest.raises(IntegrityError), transaction.atomic():
        CommissionEntry.objects.create(
            partner=scene.partner, kind="payment", amount=5, day=date(2026, 3, 2), key="positive"
        )


def test_a_deal_in_another_currency_is_told_and_left_to_a_correction(scene: Scene) -> None:
    commission_rule_set(scene.partner, by=scene.head, steps=[(0, 3)])
    _handoff, twin = scene.handed(scene.deal(currency="USD"))
    win(scene, twin)
    assert not CommissionEntry.objects.exists()
    assert TimelineEntry.objects.filter(record_id=twin.pk, action="commission_not_in_roubles").exists()


@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.PARTNER_CONTROL, Role.PARTNER, Role.CALL_CENTER])
def test_only_heads_write(scene: Scene, role: str) -> None:
    person = make_user(role)
    for attempt in (
        lambda: commission_rule_set(scene.partner, by=person, steps=[(0, 3)]),
        lambda: commission_pay(scene.partner, by=person, amount=Decimal(1)),
        lambda: commission_correct(scene.partner, by=person, amount=Decimal(1), reason="Премия за скорость"),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    assert not CommissionEntry.objects.exists()


@pytest.mark.parametrize(
    ("data", "pointer"),
    [({"amount": Decimal(0)}, "/amount"), ({"amount": Decimal("1.001")}, "/amount"), ({"reason": "-"}, "/reason"),
     ({"amount": Decimal("NaN")}, "/amount")],
)  # fmt: skip
def test_a_correction_says_how_much_and_why(scene: Scene, data: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        commission_correct(
            scene.partner, by=scene.head, **{"amount": Decimal(5), "reason": "Премия за скорость", **data}
        )
    assert refused.value.errors[0]["pointer"] == pointer


# -- the statement ----------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(scene: Scene, clock: Any) -> Scene:
    """Terms, a win in March, a payment, another win in April, and a win of partner B."""
    for partner in (scene.partner, scene.other.partner):
        commission_rule_set(partner, by=scene.head, steps=[(0, 4)])  # type: ignore[arg-type]
    won_by_partner(scene, 1_000_000)
    commission_pay(scene.partner, by=scene.head, amount=Decimal(10_000), reason="Поручение 12")
    _handoff, twin = scene.handed(scene.deal(), to=scene.other.partner)
    dealer, scene.dealer = scene.dealer, scene.other
    win(scene, twin, amount=7_654_321)
    scene.dealer = dealer
    clock.travel(days=40)
    won_by_partner(scene, Decimal("250000.25"))
    return scene


def test_a_statement_goes_from_what_was_due_to_what_is_due(ledger: Scene) -> None:
    found = statement(ledger.control, ledger.partner, date(2026, 4, 1), date(2026, 4, 30))
    assert (found.opening, found.accrued, found.paid, found.won, found.closing) == (
        Decimal(30_000), Decimal("10000.01"), 0, Decimal("250000.25"), Decimal("40000.01"),
    )  # fmt: skip
    assert len(found.entries) == 1
    nothing = statement(ledger.manager, ledger.partner, date(2026, 1, 1), date(2026, 12, 31))
    assert (nothing.closing, len(nothing.entries)) == (0, 0)


def test_the_page_the_files_and_the_call_say_the_same_to_the_manufacturer_and_the_partner(ledger: Scene) -> None:
    asked = "?from=2026-03-01&to=2026-04-30"
    page = f"/partners/{ledger.partner.pk}/commission/"
    for person, url in ((ledger.head, page), (ledger.control, page), (ledger.dealer, "/cabinet/commission/")):
        answer = browser(person).get(url + asked)
        assert answer.status_code == 200
        shown = answer.content.decode()
        assert "40\u00a0000,01" in shown
        assert "306\u00a0172" not in shown  # what partner B is due
        book = b"".join(browser(person).get(f"{url}{asked}&as=xlsx").streaming_content)  # type: ignore[attr-defined]
        rows = CalamineWorkbook.from_filelike(BytesIO(book)).get_sheet_by_index(0).to_python()
        assert [row[-1] for row in rows[2:]] == [0, 40_000, -10_000, 10_000.01, 40_000.01]
        paper = browser(person).get(f"{url}{asked}&as=pdf")
        assert paper["Content-Type"] == "application/pdf"
        assert paper.content.startswith(b"%PDF")
    wrong = browser(ledger.head).get(f"{page}?from=вчера")
    assert wrong.status_code == 400


def test_strangers_find_no_commission(ledger: Scene) -> None:
    page = f"/partners/{ledger.partner.pk}/commission/"
    for person in (ledger.manager, ledger.operator, ledger.other, ledger.dealer):
        assert browser(person).get(page).status_code == 404
        assert browser(person).get(f"{page}terms/").status_code == 404
    assert browser(ledger.manager).get("/cabinet/commission/").status_code == 403
    own = browser(ledger.other).get("/cabinet/commission/?from=2026-03-01&to=2026-04-30").content.decode()
    assert "306\u00a0172,84" in own
    assert "40\u00a0000,01" not in own
    assert browser(ledger.control).get(f"{page}payment/").status_code == 403


def test_a_head_keeps_terms_payments_and_corrections_in_the_browser(scene: Scene) -> None:
    office, page = browser(scene.head), f"/partners/{scene.partner.pk}/commission/"
    terms = {"steps": "0 4\n5 000 000 5,5 %", "span": "year", "valid_from": "02.03.2026"}
    assert office.post(f"{page}terms/", terms).status_code == 302
    assert rule_in_force(scene.partner.pk).steps == [["0.00", "4.00"], ["5000000.00", "5.50"]]  # type: ignore[union-attr]
    assert office.post(f"{page}terms/", {**terms, "steps": "100 много"}).status_code == 422
    won_by_partner(scene, 100_000)
    assert office.post(f"{page}payment/", {"amount": "1 500,50", "day": "02.03.2026", "key": "x"}).status_code == 302
    assert office.post(f"{page}payment/", {"amount": "1", "day": "03.03.2026"}).status_code == 422
    assert office.post(f"{page}correction/", {"amount": "-99,5", "reason": "Штраф за срок"}).status_code == 302
    assert office.post(f"{page}correction/", {"amount": "5", "reason": "."}).status_code == 422
    assert lines(scene) == [
        ("accrual", Decimal(4000)), ("payment", Decimal("-1500.50")), ("correction", Decimal("-99.50")),
    ]  # fmt: skip
    card = office.get(f"/partners/{scene.partner.pk}/").content.decode()
    assert "2\u00a0400" in card
    assert "2\u00a0400,00" in office.get("/partners/").content.decode()
