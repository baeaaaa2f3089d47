"""Handing over to a partner and back: the twin, the mirror, what is refused meanwhile."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Partner, Role
from crm import clock as product_clock
from crm import contact_points, services, stages, timeline
from crm.actors import Actor
from crm.errors import InvalidInput, MissingFields, StageError
from crm.models import Activity, Attachment, Company, Contact, RefusalReason, TimelineEntry
from crm.stages import Refusal, move
from deals.models import Deal
from leads.conversion import PERSON, ConversionChoice, convert
from leads.models import Lead
from partners.field_map import HANDED, KEPT, OWN
from partners.handoff import HandoffError, active_handoff, hand_on, hand_over, recall
from partners.models import Handoff
from partners.selectors import handoffs_for, handoffs_of
from partners.services import feedback_set
from tests.factories import make_partner, make_user

pytestmark = pytest.mark.django_db
SIZE: dict[str, Any] = {"purpose": "hangar", "width": Decimal(18), "length": Decimal(36), "address": "г. Тверь"}


class Scene:
    """A manager with a deal, and a partner with two people."""

    def __init__(self) -> None:
        self.manager, self.head = make_user(), make_user(Role.SALES_HEAD)
        self.control = make_user(Role.PARTNER_CONTROL)
        self.dealer, self.colleague = (make_user(Role.PARTNER, partner=p) for p in [make_partner()] * 2)
        self.partner: Partner = self.dealer.partner  # type: ignore[assignment]
        self.company = services.record_create(
            Company, data={"name": "ООО Ромашка", "inn": "7707083893"}, by=self.manager, pipeline="company"
        )
        self.contact = services.record_create(
            Contact, data={"last_name": "Ким", "phone": "+79161234567"}, by=self.manager, pipeline="contact"
        )

    def deal(self, **data: Any) -> Deal:
        values = {
            "title": "Ангар", "responsible": self.manager, "company": self.company, "contact": self.contact, **SIZE,
            **data,
        }  # fmt: skip
        return services.record_create(Deal, data=values, by=self.manager, pipeline="deal", stage="costing")

    def lead(self, **data: Any) -> Lead:
        values = {"title": "Заявка", "name": "Пётр Ким", "responsible": self.manager, **SIZE, **data}
        return services.record_create(Lead, data=values, by=self.manager, pipeline="lead", stage="handed_over")

    def handed(self, record: Any) -> tuple[Handoff, Any]:
        handoff = hand_over(record=record, partner=self.partner, by=self.manager)
        return handoff, type(record).objects.get(pk=handoff.twin_id)

    def refused(self, stage: str) -> Refusal:
        reason = RefusalReason.objects.filter(stage=stage).first()
        return Refusal(reason.pk if reason else None, "Далеко везти краны", "Завод МК")


@pytest.fixture
def scene() -> Scene:
    return Scene()


def fresh(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


def actions(record: Any) -> list[str]:
    rows = TimelineEntry.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk)
    return list(rows.values_list("action", flat=True))


# -- handing over -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("PART-2")
def test_a_deal_handed_over_has_a_twin_and_waits_at_the_partner(scene: Scene) -> None:
    deal = scene.deal(request_text="Нужен ангар")
    handoff = hand_over(record=deal, partner=scene.partner, by=scene.manager, comment="Срочно")
    twin = Deal.objects.get(pk=handoff.twin_id)
    assert deal.stage == "deal:at_partner"
    assert deal.is_open
    assert (twin.stage, twin.partner, twin.origin) == ("partner_deal:received", scene.partner, deal)
    assert twin.responsible == scene.dealer
    assert (twin.contact, twin.company, twin.width, twin.request_text) == (
        scene.contact, scene.company, Decimal(18), "Нужен ангар",
    )  # fmt: skip
    assert "handed_over" in actions(deal)
    assert "received" in actions(twin)
    assert Activity.objects.get(record_type="deal", record_id=twin.pk).responsible == scene.dealer


@pytest.mark.rule("PART-2")
def test_a_lead_handed_over_stays_where_it_is_and_its_phones_go_along(scene: Scene) -> None:
    lead = scene.lead(phone="+79161112233")
    handoff, twin = scene.handed(lead)
    assert lead.stage == "lead:handed_over"
    assert twin.stage == "partner_lead:received"
    assert [point.value for point in contact_points.points_of(twin)] == ["+79161112233"]
    assert active_handoff(lead) == handoff


@pytest.mark.rule("PART-2")
@pytest.mark.rule("PART-8")
def test_the_partner_is_not_given_prices_marks_and_internal_files(scene: Scene) -> None:
    deal = scene.deal(amount=Decimal(5_000_000), utm_source="yandex")
    for name, internal in (("план.pdf", False), ("смета.pdf", True)):
        Attachment.objects.create(
            record_type="deal", record_id=deal.pk, name=name, size=1, content_type="x", is_internal=internal
        )
    _handoff, twin = scene.handed(deal)
    assert (twin.amount, twin.utm_source) == (None, "")
    files = Attachment.objects.filter(record_type="deal", record_id=twin.pk)
    assert [file.name for file in files] == ["план.pdf"]


@pytest.mark.rule("PART-2")
@pytest.mark.parametrize("model", [Lead, Deal])
def test_every_column_is_handed_kept_or_each_sides_own(model: Any) -> None:
    record_type = model.RECORD_TYPE
    known = [*HANDED[record_type], *KEPT[record_type]]
    assert len(known) == len(set(known))
    assert not set(known) & OWN
    columns = {field.name for field in (*model._meta.concrete_fields, *model._meta.many_to_many)}
    assert columns - OWN == set(known)


@pytest.mark.rule("PART-2")
def test_what_cannot_be_handed_over(scene: Scene) -> None:
    deal = scene.deal()
    _handoff, twin = scene.handed(deal)
    with pytest.raises(HandoffError):
        hand_over(record=deal, partner=scene.partner, by=scene.manager)
    with pytest.raises(HandoffError):
        hand_over(record=twin, partner=scene.partner, by=scene.head)
    with pytest.raises(Deal.DoesNotExist):
        hand_over(record=scene.deal(), partner=scene.partner, by=make_user())
    lost = scene.deal()
    move(lost, "construction_cancelled", by=Actor.system(), override=True)
    with pytest.raises(HandoffError):
        hand_over(record=lost, partner=scene.partner, by=scene.manager)


@pytest.mark.rule("PART-1")
@pytest.mark.parametrize("state", ["paused", "closed"])
def test_a_paused_or_closed_partner_is_handed_nothing(scene: Scene, state: str) -> None:
    Partner.objects.filter(pk=scene.partner.pk).update(state=state)
    with pytest.raises(HandoffError):
        hand_over(record=scene.deal(), partner=scene.partner, by=scene.manager)
    assert not Deal.objects.filter(partner=scene.partner).exists()


@pytest.mark.rule("PART-1")
def test_a_partner_without_an_active_user_is_handed_nothing(scene: Scene) -> None:
    with pytest.raises(HandoffError):
        hand_over(record=scene.deal(), partner=make_partner(), by=scene.manager)
    with pytest.raises(HandoffError):
        hand_over(record=scene.deal(), partner=scene.partner, by=scene.manager, responsible=scene.manager)
    handoff = hand_over(record=scene.deal(), partner=scene.partner, by=scene.manager, responsible=scene.colleague)
    assert Deal.objects.get(pk=handoff.twin_id).responsible == scene.colleague


# -- meanwhile --------------------------------------------------------------------------------------------------------


@pytest.mark.rule("PART-2")
@pytest.mark.parametrize("kind", ["deal", "lead"])
def test_a_record_at_the_partner_is_not_moved_by_hand(scene: Scene, kind: str) -> None:
    record = getattr(scene, kind)()
    scene.handed(record)
    for person in (scene.manager, scene.head):
        assert stages.allowed_targets(fresh(record), person) == []
        target = "contract_signing" if kind == "deal" else "declined_by_us"
        with pytest.raises(StageError, match=scene.partner.name):
            move(fresh(record), target, by=person, data={}, refusal=Refusal(None, "Передумали строить"))


@pytest.mark.rule("PIPE-3")
@pytest.mark.rule("PART-2")
def test_nobody_moves_a_deal_to_the_partners_without_a_hand_over(scene: Scene) -> None:
    with pytest.raises(MissingFields) as refused:
        move(scene.deal(), "at_partner", by=scene.manager)
    assert [item.code for item in refused.value.missing] == ["handoff"]


@pytest.mark.rule("PART-3")
@pytest.mark.rule("PIPE-4")
def test_the_partner_works_by_required_fields_and_reasons(scene: Scene) -> None:
    _handoff, twin = scene.handed(scene.deal())
    with pytest.raises(MissingFields):
        move(twin, "proposal_sent", by=scene.dealer)
    move(twin, "proposal_sent", by=scene.dealer, data={"amount": 3_000_000})
    with pytest.raises(StageError):
        move(twin, "no_contact", by=scene.dealer)
    with pytest.raises(StageError):
        move(twin, "recalled", by=scene.dealer)


@pytest.mark.rule("PART-2")
@pytest.mark.rule("PART-4")
def test_the_partners_progress_is_told_on_the_manufacturers_record(scene: Scene) -> None:
    deal = scene.deal()
    _handoff, twin = scene.handed(deal)
    move(twin, "contacted", by=scene.dealer)
    entry = TimelineEntry.objects.get(record_type="deal", record_id=deal.pk, action="partner_stage")
    assert "Связались с клиентом" in timeline.sentence(entry)
    assert entry.actor_user == scene.dealer
    assert fresh(deal).stage == "deal:at_partner"


# -- the end ----------------------------------------------------------------------------------------------------------


def to_feedback(scene: Scene, twin: Deal) -> None:
    data = {"amount": 3_000_000, "contract_number": "15-А", "contract_date": "2026-03-01"}
    move(twin, "delivery", by=scene.dealer, data=data)
    move(twin, "feedback", by=scene.dealer)


@pytest.mark.rule("PART-5")
def test_the_partner_neither_wins_nor_scores_itself(scene: Scene) -> None:
    _handoff, twin = scene.handed(scene.deal())
    to_feedback(scene, twin)
    assert "won" not in {stage.code for stage in stages.allowed_targets(fresh(twin), scene.dealer)}
    with pytest.raises(StageError):
        move(fresh(twin), "won", by=scene.dealer)
    for attempt in ({"feedback_partner": 5}, {"feedback_text": "Всё отлично"}):
        with pytest.raises(InvalidInput):
            services.record_update(fresh(twin), data=attempt, by=scene.dealer)
    with pytest.raises(MissingFields):
        move(fresh(twin), "won", by=scene.control)


@pytest.mark.rule("PART-5")
@pytest.mark.parametrize("score", [0, 6, 100])
def test_a_score_is_from_one_to_five(scene: Scene, score: int) -> None:
    _handoff, twin = scene.handed(scene.deal())
    with pytest.raises(InvalidInput):
        feedback_set(twin, by=scene.control, partner=score)


@pytest.mark.rule("PART-2")
@pytest.mark.rule("PART-5")
def test_a_win_of_the_partner_wins_the_manufacturers_deal(scene: Scene) -> None:
    deal = scene.deal()
    handoff, twin = scene.handed(deal)
    to_feedback(scene, twin)
    feedback_set(twin, by=scene.control, product=5, partner=4, text="Сдали раньше срока")
    move(fresh(twin), "won", by=scene.control)
    deal = fresh(deal)
    assert deal.stage == "deal:contract_signed"
    assert (deal.amount, deal.contract_number, str(deal.contract_date)) == (3_000_000, "15-А", "2026-03-01")
    assert (deal.feedback_product, deal.feedback_partner) == (5, 4)
    assert fresh(handoff).state == Handoff.State.FINISHED
    assert fresh(scene.company).stage == "company:client"


@pytest.mark.rule("PART-2")
@pytest.mark.parametrize(("kind", "stage"), [("deal", "price_of_delivery"), ("lead", "no_contact")])
def test_a_refusal_of_the_partner_brings_the_record_back_with_one_task(scene: Scene, kind: str, stage: str) -> None:
    record = getattr(scene, kind)()
    handoff, twin = scene.handed(record)
    before = Activity.objects.filter(record_type=kind, record_id=record.pk).count()
    move(twin, stage, by=scene.dealer, refusal=scene.refused(f"partner_{kind}:{stage}"))
    record = fresh(record)
    assert record.is_open
    assert record.stage == ("deal:resumed" if kind == "deal" else "lead:handed_over")
    assert "partner_refused" in actions(record)
    tasks = Activity.objects.filter(record_type=kind, record_id=record.pk)
    assert tasks.count() == before + 1
    assert tasks.latest("pk").responsible == scene.manager
    assert fresh(handoff).state == Handoff.State.FINISHED
    with pytest.raises(StageError):
        move(fresh(twin), "contacted", by=scene.head, reason="Ещё раз")
    hand_over(record=record, partner=scene.partner, by=scene.manager)


@pytest.mark.rule("PART-4")
@pytest.mark.parametrize("who", ["control", "head", "manager"])
def test_a_recall_sets_the_twin_aside_and_resumes_the_deal(scene: Scene, who: str) -> None:
    deal = scene.deal()
    handoff, twin = scene.handed(deal)
    recall(handoff_id=handoff.pk, by=getattr(scene, who), reason="Клиент просит нас самих")
    assert fresh(twin).stage == "partner_deal:recalled"
    assert fresh(deal).stage == "deal:resumed"
    assert "partner_refused" not in actions(deal)
    assert fresh(handoff).state == Handoff.State.RECALLED
    start = product_clock.today() + timedelta(days=60)
    move(fresh(deal), "negotiation", by=scene.manager, data={"amount": 1, "construction_start": start})
    with pytest.raises(HandoffError):
        recall(handoff_id=handoff.pk, by=scene.head, reason="Ещё раз отозвать")


@pytest.mark.rule("PART-4")
def test_a_recall_needs_a_reason_and_somebody_who_may(scene: Scene) -> None:
    handoff, _twin = scene.handed(scene.deal())
    for reason in ("", "-", "test"):
        with pytest.raises(InvalidInput):
            recall(handoff_id=handoff.pk, by=scene.control, reason=reason)
    for stranger in (make_user(), scene.dealer, make_user(Role.PARTNER), make_user(Role.CALL_CENTER)):
        with pytest.raises(Handoff.DoesNotExist):
            recall(handoff_id=handoff.pk, by=stranger, reason="Хочу забрать себе")


@pytest.mark.rule("PART-4")
@pytest.mark.parametrize("kind", ["deal", "lead"])
def test_a_record_is_handed_on_to_another_partner(scene: Scene, kind: str) -> None:
    record = getattr(scene, kind)()
    handoff, twin = scene.handed(record)
    other = make_user(Role.PARTNER)
    with pytest.raises(HandoffError):
        hand_on(handoff_id=handoff.pk, partner=scene.partner, by=scene.control, reason="Нет ответа")
    second = hand_on(handoff_id=handoff.pk, partner=other.partner, by=scene.control, reason="Нет ответа три дня")
    model = type(record)
    assert list(model.objects.visible_to(other)) == [model.objects.get(pk=second.twin_id)]
    assert not fresh(twin).is_open
    assert fresh(record).stage == ("deal:at_partner" if kind == "deal" else "lead:handed_over")
    assert [item.pk for item in handoffs_of(scene.control, fresh(record))] == [second.pk, handoff.pk]
    assert list(handoffs_for(other)) == [second]
    assert list(handoffs_for(scene.dealer)) == [handoff]


@pytest.mark.rule("PART-2")
def test_a_lead_converted_by_the_partner_becomes_a_deal_of_both(scene: Scene) -> None:
    lead = scene.lead(phone="+79161112233")
    handoff, twin = scene.handed(lead)
    move(twin, "qualified", by=scene.dealer)
    made = convert(lead_id=twin.pk, by=scene.dealer, choice=ConversionChoice(kind=PERSON))
    assert made.deal is not None
    assert made.deal.partner == scene.partner
    lead = fresh(lead)
    assert lead.stage == "lead:converted"
    assert lead.deal is not None
    assert (lead.deal.partner, lead.deal.responsible) == (None, scene.manager)
    assert lead.deal.stage == "deal:at_partner"
    assert fresh(made.deal).origin == lead.deal
    assert lead.deal.contact == made.contact
    assert fresh(handoff).state == Handoff.State.FINISHED
    assert active_handoff(lead.deal) is not None


# -- one conversation -------------------------------------------------------------------------------------------------


def notes(record: Any, user: Any) -> set[str]:
    return {entry.data["text"] for entry in timeline.entries_for(fresh(record), user) if entry.action == "note"}


@pytest.mark.rule("PART-8")
def test_both_sides_read_one_conversation_without_the_internal_lines(scene: Scene, clock: Any) -> None:
    deal = scene.deal()
    services.note_add(deal, text="До передачи: скидка до 10 %", by=scene.manager)
    clock.travel(hours=1)
    handoff, twin = scene.handed(deal)
    clock.travel(hours=1)
    services.note_add(deal, text="Клиент звонил нам", by=scene.manager)
    services.note_add(deal, text="Маржа 30 %", by=scene.manager, internal=True)
    services.note_add(twin, text="Были на замере", by=scene.dealer)
    assert notes(twin, scene.dealer) == {"Клиент звонил нам", "Были на замере"}
    assert "Были на замере" in notes(deal, scene.manager)
    clock.travel(hours=1)
    recall(handoff_id=handoff.pk, by=scene.head, reason="Вернули себе")
    clock.travel(hours=1)
    services.note_add(deal, text="После отзыва", by=scene.manager)
    assert notes(twin, scene.dealer) == {"Были на замере"}
    assert {"После отзыва", "Маржа 30 %", "Были на замере"} <= notes(deal, scene.manager)


@pytest.mark.rule("PART-8")
def test_the_next_partner_reads_nothing_of_the_former_one(scene: Scene, clock: Any) -> None:
    deal = scene.deal()
    handoff, twin = scene.handed(deal)
    services.note_add(twin, text="Наша цена 5 млн", by=scene.dealer)
    clock.travel(hours=1)
    other = make_user(Role.PARTNER)
    second = hand_on(handoff_id=handoff.pk, partner=other.partner, by=scene.control, reason="Нет ответа три дня")
    new = Deal.objects.get(pk=second.twin_id)
    assert notes(new, other) == set()
    shown = " ".join(timeline.sentence(entry) for entry in timeline.entries_for(new, other))
    assert scene.partner.name not in shown


@pytest.mark.rule("PART-8")
@pytest.mark.rule("ACC-1")
def test_stages_fields_and_tasks_of_the_manufacturer_are_not_shown_to_the_partner(scene: Scene, clock: Any) -> None:
    deal = scene.deal()
    _handoff, twin = scene.handed(deal)
    clock.travel(hours=1)
    services.record_update(fresh(deal), data={"amount": Decimal(7_000_000)}, by=scene.manager)
    services.activity_create(
        fresh(deal), title="Спросить партнёра", due_at=clock.now(), responsible=scene.manager, by=scene.manager
    )
    found = timeline.entries_for(fresh(twin), scene.dealer)
    assert all(entry.record_id == twin.pk for entry in found)
