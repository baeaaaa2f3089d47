"""Whatever hangs on whatever: a merge and its undo leave every row and every link as they were before."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import Role, User
from automation.models import Rule, RuleRun, ScheduledRun
from communications.models import Call, Message, Submission, WebhookEvent
from crm import clock, contact_points, merge_links, services
from crm.merging import merge, undo_merge
from crm.models import Attachment, Company, Contact, Notification, StageHistory
from crm.tags import tags_set
from deals.models import Deal, DealLine, Document
from leads.models import Lead, LeadConversion
from leads.services import lead_create
from objects_registry.models import ConstructionObject
from partners.models import CommissionEntry, Handoff, PartnerProfile
from tests.factories import make_partner, make_user

pytestmark = pytest.mark.django_db

# They count changes, or tell of the merge itself, and are never taken back.
VOLATILE = {"version", "updated_at"}
JOURNAL = {"crm.TimelineEntry", "crm.Change"}
MEMORY = {"crm.Merge"}

NUMBERS = st.sampled_from([None, 12, 24, 60])
TEXTS = st.sampled_from(["", "Тверь", "Сваи", "Плита"])
OF_ANY = (
    "note", "task", "done", "file", "bell", "letter", "reply", "call", "run", "ran", "past", "recalled"
)  # fmt: skip
HANGERS = (*OF_ANY, "deal", "lead", "warned", "contact", "company", "papers", "profile")
OF_LEADS = (*OF_ANY, "tags", "twin", "memory")
RECORDS = st.fixed_dictionaries({"width": NUMBERS, "length": NUMBERS, "notes": TEXTS, "address": TEXTS})
CLIENTS = st.fixed_dictionaries({"position": TEXTS, "comment": TEXTS, "phones": st.sets(st.integers(0, 3), max_size=3)})
HANGING = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(HANGERS)), max_size=18)

# A failing example is shown as it was found: shrinking it costs minutes, each try is a whole merge.
OURS = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


def everything(since: set[tuple[str, Any]] | None = None) -> dict[tuple[str, Any], dict[str, Any]]:
    """Every row of every table of the project, without what is never taken back."""
    rows = {}
    for model in apps.get_models(include_auto_created=True):
        label = model._meta.label
        if model.__module__.split(".")[0] in {"django", "allauth"} or label in MEMORY:
            continue
        for row in model._base_manager.all():
            key = (label, row.pk)
            if label in JOURNAL and since is not None and key not in since:
                continue
            rows[key] = {
                field.attname: field.value_from_object(row)
                for field in model._meta.concrete_fields
                if field.attname not in VOLATILE
            }
            if "search_text" in rows[key]:
                rows[key]["search_text"] = set(rows[key]["search_text"].split())
    return rows


def hang(kind: str, record: Any, by: User, shared: dict[str, Any]) -> None:
    """Put one thing of a kind on a record; what the record cannot have is left out."""
    hang_work(kind, record, by)
    hang_links(kind, record, by, shared)
    hang_mail(kind, record, by)
    hang_past(kind, record, shared["rule"])
    if record.RECORD_TYPE == "lead":
        hang_on_lead(kind, record, by)


def at(record: Any) -> dict[str, Any]:
    """The columns by which a row hangs on a record."""
    return {"record_type": record.RECORD_TYPE, "record_id": record.pk}


def hang_work(kind: str, record: Any, by: User) -> None:
    """What people put on a card: notes, tasks, files, and what tells of them."""
    match kind:
        case "note":
            services.note_add(record, text="Заметка", by=by)
        case "task":
            services.activity_create(record, title="Дело", due_at=clock.now(), responsible=by, by=by)
        case "done":
            task = services.activity_create(record, title="Было", due_at=clock.now(), responsible=by, by=by)
            services.activity_complete(task, by=by)
        case "file":
            Attachment.objects.create(**at(record), name="план.pdf", size=1, content_type="application/pdf")
        case "bell":
            Notification.objects.create(**at(record), user=by, action="note")


def hang_links(kind: str, record: Any, by: User, shared: dict[str, Any]) -> None:
    """Records tied to an object, a contact or a company, and what hangs on those."""
    link = record.RECORD_TYPE
    match kind:
        case "deal":
            services.record_create(Deal, data={"title": "С", link: record}, by=by, pipeline="deal")
        case "papers":
            papers(services.record_create(Deal, data={"title": "С", link: record}, by=by, pipeline="deal"), shared)
        case "lead":
            services.record_create(Lead, data={"title": "Л", link: record}, by=by, pipeline="lead")
        case "warned" if link == "object":
            services.record_create(Lead, data={"title": "Л"}, by=by, pipeline="lead", duplicate_object=record)
        case "contact" if link == "object":
            record.contacts.add(shared["contact"])
        case "contact" if link == "company":
            services.record_update(shared["contact"], data={"company": record}, by=by)
        case "company" if link == "object":
            record.companies.add(shared["company"])
        case "profile" if link == "company" and not PartnerProfile.objects.filter(company=record).exists():
            PartnerProfile.objects.create(partner=make_partner(), company=record)


def papers(deal: Deal, shared: dict[str, Any]) -> None:
    """A deal's tags, lines, a quote that was sent, an invoice with its letter, and a commission of it."""
    tags_set(deal, tags=["срочно"])
    DealLine.objects.create(deal=deal, name="Ферма", price=1000)
    for number, kind in enumerate(Document.Kind.values, start=3 * deal.pk):
        file = Attachment.objects.create(**at(deal), name=f"{kind}.pdf", size=1, content_type="application/pdf")
        letter = Message.objects.create(
            **at(deal), direction="out", channel="email", state="sent", address="a@example.com", attachment=file
        )
        Document.objects.create(
            deal=deal, kind=kind, year=2026, number=number, date=clock.today(), content={}, total=1000, letter=letter,
            attachment=file,
        )  # fmt: skip
    CommissionEntry.objects.create(
        partner=shared["partner"],
        deal=deal,
        kind="accrual",
        day=clock.today(),
        amount=50,
        base=1000,
        key=f"d:{deal.pk}",
    )


def hang_mail(kind: str, record: Any, by: User) -> None:
    """What was written and said to and fro; a letter of a client knows the person too."""
    person = record if record.RECORD_TYPE == "contact" else None
    match kind:
        case "letter":
            file = Attachment.objects.create(**at(record), name="КП.pdf", size=1, content_type="application/pdf")
            Message.objects.create(
                **at(record), direction="out", channel="email", state="sent", address="a@example.com", attachment=file,
                contact=person,
            )  # fmt: skip
        case "reply":
            Message.objects.create(
                **at(record), direction="in", channel="email", state="received", address="a@example.com", contact=person
            )
        case "call":
            Call.objects.create(**at(record), direction="in", user=by)


def hang_past(kind: str, record: Any, rule: Rule) -> None:
    """What robots have planned and done, what programs were told, which partner had it once."""
    key = f"run:{ScheduledRun.objects.count()}"
    match kind:
        case "run":
            ScheduledRun.objects.create(**at(record), rule=rule, key=key, due_at=clock.now(), entry_id=0)
        case "ran":
            ScheduledRun.objects.create(**at(record), rule=rule, key=key, due_at=clock.now(), state="done")
            ScheduledRun.objects.create(**at(record), rule=rule, key=f"{key}b", due_at=clock.now(), state="cancelled")
        case "past":
            RuleRun.objects.create(**at(record), rule=rule)
            WebhookEvent.objects.create(**at(record), type="note.added")
        case "recalled" if record.RECORD_TYPE == "lead":
            Handoff.objects.create(**at(record), partner=make_partner(), twin_id=0, state="recalled")


def hang_on_lead(kind: str, lead: Lead, by: User) -> None:
    """What only leads have: labels, a partner's record of long ago, the memory of how they came and were converted."""
    match kind:
        case "tags":
            tags_set(lead, tags=["срочно", f"лид {lead.pk}"])
        case "twin":
            # In the trash: a lead that a partner still works at is not merged.
            twin = services.record_create(Lead, data={"title": "Л"}, by=by, pipeline="lead", origin=lead)
            services.record_delete(twin, by=by)
        case "memory":
            LeadConversion.objects.create(lead=lead, snapshot={}, undone_at=clock.now())
            Submission.objects.create(body=b"", lead_id=lead.pk)


def shared_rows(by: User) -> dict[str, Any]:
    return {
        "contact": services.record_create(Contact, data={"last_name": "Общий"}, by=by, pipeline="contact"),
        "company": services.record_create(Company, data={"name": "Общая"}, by=by, pipeline="company"),
        "partner": make_partner(),
        "rule": Rule.objects.create(
            code="test", name_ru="П", name_en="R", pipeline_id="object", trigger="created", action="create_task"
        ),
    }


def check(records: list[Any], hanging: list[tuple[int, str]], picks: dict[str, int], by: User, *, later: Any) -> None:
    """Hang, merge, undo and compare."""
    shared = shared_rows(by)
    for number, kind in hanging:
        hang(kind, records[number % len(records)], by, shared)
    before = everything()
    moves = StageHistory.objects.count()
    main, others = records[0], records[1:]
    choices = {name: records[number % len(records)].pk for name, number in picks.items()}
    done = merge(
        record_type=main.RECORD_TYPE, main_id=main.pk, other_ids=[o.pk for o in others], choices=choices, by=by
    )
    merged = everything(set(before))
    for other in others:
        for link in merge_links.links_to(type(other)):
            if link.how == merge_links.MOVE:
                kept = merge_links.rows_of(link, other)
                assert not kept.exclude(pk__in=_written_by_the_merge(link)).exists(), link.key
    assert merged != before
    later()
    undo_merge(merge_id=done.pk, by=by)
    after = everything(set(before))
    assert differences(before, after) == []
    assert before.keys() == after.keys()
    assert StageHistory.objects.count() == moves


def differences(before: dict[Any, dict[str, Any]], after: dict[Any, dict[str, Any]]) -> list[Any]:
    """What differs, column by column."""
    return [
        (key, column, row[column], after[key][column])
        for key, row in before.items()
        if key in after
        for column in row
        if row[column] != after[key][column]
    ]


def _written_by_the_merge(link: merge_links.Link) -> models.QuerySet[Any]:
    """The duplicate's own line about its move to «merged», written after its timeline had gone."""
    model = merge_links.model_of(link.model)
    if link.model != "crm.TimelineEntry":
        return model._base_manager.none()
    return model._base_manager.filter(action="stage", data__to__endswith=":merged")


@pytest.mark.rule("OBJ-4")
@settings(OURS)
@given(
    rows=st.lists(RECORDS, min_size=2, max_size=4),
    hanging=HANGING,
    picks=st.dictionaries(st.sampled_from(["notes", "address", "width", "length", "name"]), st.integers(0, 3)),
)
def test_objects_are_as_before_after_an_undo(
    rows: list[dict[str, Any]], hanging: list[tuple[int, str]], picks: dict[str, int]
) -> None:
    with transaction.atomic():
        by = make_user(Role.SALES_HEAD)
        records = [
            services.record_create(
                ConstructionObject, data={"name": f"Объект {number}", **row}, by=by, pipeline="object"
            )
            for number, row in enumerate(rows)
        ]
        check(records, hanging, picks, by, later=lambda: None)
        transaction.set_rollback(True)


@pytest.mark.rule("OBJ-4")
@settings(OURS)
@given(
    rows=st.lists(CLIENTS, min_size=2, max_size=3),
    hanging=HANGING,
    picks=st.dictionaries(st.sampled_from(["position", "comment", "last_name", "phone"]), st.integers(0, 3)),
)
def test_contacts_are_as_before_after_an_undo(
    rows: list[dict[str, Any]], hanging: list[tuple[int, str]], picks: dict[str, int]
) -> None:
    with transaction.atomic():
        by = make_user(Role.SALES_HEAD)
        records = [_contact(number, row, by) for number, row in enumerate(rows)]
        check(records, hanging, picks, by, later=lambda: None)
        transaction.set_rollback(True)


@pytest.mark.rule("OBJ-4")
@settings(OURS)
@given(
    addresses=st.lists(TEXTS, min_size=2, max_size=3),
    hanging=HANGING,
    picks=st.dictionaries(st.sampled_from(["name", "address"]), st.integers(0, 3)),
)
def test_companies_are_as_before_after_an_undo(
    addresses: list[str], hanging: list[tuple[int, str]], picks: dict[str, int]
) -> None:
    with transaction.atomic():
        by = make_user(Role.SALES_HEAD)
        records = [
            services.record_create(
                Company, data={"name": f"Завод {number}", "address": address}, by=by, pipeline="company"
            )
            for number, address in enumerate(addresses)
        ]
        check(records, hanging, picks, by, later=lambda: None)
        transaction.set_rollback(True)


@pytest.mark.rule("LEAD-14")
@settings(OURS)
@given(
    rows=st.lists(CLIENTS, min_size=2, max_size=3),
    hanging=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(OF_LEADS)), max_size=14),
    picks=st.dictionaries(st.sampled_from(["request_text", "name", "phone"]), st.integers(0, 3)),
)
def test_leads_are_as_before_after_an_undo(
    rows: list[dict[str, Any]], hanging: list[tuple[int, str]], picks: dict[str, int]
) -> None:
    with transaction.atomic():
        by = make_user(Role.SALES_HEAD)
        records = []
        for number, row in enumerate(rows):
            data = {"title": f"Л{number}", "request_text": row["comment"], "name": row["position"]}
            phones = ", ".join(f"+7916000000{digit}" for digit in sorted(row["phones"]))
            records.append(lead_create(by=by, data={**data, "tags": [row["comment"] or "срочно"]}, phones=phones))
        check(records, hanging, picks, by, later=lambda: None)
        transaction.set_rollback(True)


def _contact(number: int, row: dict[str, Any], by: User) -> Contact:
    data = {"last_name": f"Ким{number}", "position": row["position"], "comment": row["comment"]}
    contact = services.record_create(Contact, data=data, by=by, pipeline="contact")
    phones = ", ".join(f"+7916000000{digit}" for digit in sorted(row["phones"]))
    contact_points.add_points(contact, contact_points.read_points(phones))
    return contact


@pytest.mark.rule("OBJ-4")
def test_the_comparison_sees_a_lost_link() -> None:
    by = make_user(Role.SALES_HEAD)
    data = {"width": Decimal(24), "length": Decimal(60)}
    records = [
        services.record_create(ConstructionObject, data={"name": name, **data}, by=by, pipeline="object")
        for name in "АБ"
    ]

    def lose() -> None:
        Deal.objects.update(object=None)

    with pytest.raises(AssertionError):
        check(records, [(1, "deal")], {}, by, later=lose)
