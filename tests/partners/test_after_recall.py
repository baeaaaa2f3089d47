"""What a partner still sees when the manufacturer has taken a record back: the work, and no way to the client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from crm import clock, services, timeline
from crm.errors import InvalidInput
from crm.models import Activity, Attachment, Change, ContactPoint, StageHistory, TimelineEntry
from crm.stages import move
from crm.visibility import visible_references
from deals.models import Deal
from leads.conversion import PERSON, ConversionChoice, convert
from leads.models import Lead
from leads.services import lead_create
from partners.handoff import hand_on, recall
from partners.models import Handoff
from partners.services import partner_hand_back
from partners.withdrawal import FOLLOWS, STAYS, TAKEN
from tests.partners.scene import HTMX, MAIL, PHONE, SECRETS, TAIL, Scene, browser, fresh

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-1", "PART-4")]
EXPAND = "expand=contact,company,object,responsible,partner"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def taken_back(scene: Scene, kind: str) -> tuple[Any, Any]:
    """A record of the manufacturer and the twin that was taken back from partner A."""
    record = getattr(scene, kind)()
    handoff, twin = scene.handed(record)
    services.note_add(twin, text="Были на замере", by=scene.dealer)
    services.record_update(fresh(twin), data={"request_text": f"Просит перезвонить {PHONE}"}, by=scene.dealer)
    recall(handoff_id=handoff.pk, by=scene.head, reason="Клиент просит нас самих")
    return record, fresh(twin)


@pytest.mark.parametrize("model", [Lead, Deal])
def test_every_column_is_taken_or_stays(model: Any) -> None:
    taken = set(TAKEN[model.RECORD_TYPE]) | FOLLOWS[model.RECORD_TYPE] | {"duplicate_object", "duplicate_is_certain"}
    columns = {field.name for field in (*model._meta.concrete_fields, *model._meta.many_to_many)}
    assert not taken & STAYS
    assert columns - taken - STAYS == set()


@pytest.mark.parametrize("kind", ["lead", "deal"])
def test_the_record_holds_nothing_of_the_client_any_more(scene: Scene, kind: str) -> None:
    record, twin = taken_back(scene, kind)
    assert twin.title == "Ангар 36×18"
    assert (twin.contact, twin.company, twin.object, twin.address, twin.city) == (None, None, None, "", "")
    assert all(not getattr(twin, name) for name in FOLLOWS[kind])
    assert not any(secret.lower() in twin.search_text for secret in SECRETS)
    assert not ContactPoint.objects.filter(record_type=kind, record_id=twin.pk).exists()
    assert (twin.width, twin.partner) == (18, scene.partner)
    own = fresh(record)
    assert own.contact_id or own.phone
    assert own.address
    # Nothing is lost: what stood there is in the audit trail.
    changed = set(Change.objects.filter(record_type=kind, record_id=twin.pk).values_list("field", flat=True))
    assert {"title", "request_text", "address"} <= changed


def test_what_the_partner_alone_knew_of_a_lead_goes_to_the_manufacturer(scene: Scene) -> None:
    lead = scene.lead()
    handoff, twin = scene.handed(lead)
    services.record_update(fresh(twin), data={"phone": "+79995554433"}, by=scene.dealer)
    recall(handoff_id=handoff.pk, by=scene.head, reason="Клиент просит нас самих")
    points = ContactPoint.objects.filter(record_type="lead", record_id=lead.pk).values_list("value", flat=True)
    assert {PHONE, "+79995554433"} <= set(points)


@pytest.mark.parametrize("kind", ["lead", "deal"])
def test_the_partner_reads_stages_and_its_own_notes_and_the_manufacturer_everything(scene: Scene, kind: str) -> None:
    _record, twin = taken_back(scene, kind)
    services.note_add(twin, text="Секрет производителя", by=scene.head)
    own = [timeline.sentence(entry) for entry in timeline.entries_for(twin, scene.dealer)]
    assert any("замере" in line for line in own)
    assert any("Клиент просит нас" in line for line in own)
    assert not any(secret in line for secret in (*SECRETS, "Секрет производителя") for line in own)
    head = [timeline.sentence(entry) for entry in timeline.entries_for(twin, scene.head)]
    assert len(head) > len(own)
    for model in (TimelineEntry, Change, StageHistory, Attachment):
        seen = visible_references(model.objects.filter(record_type=kind, record_id=twin.pk), scene.dealer)
        assert seen.exists() == (model in {TimelineEntry, StageHistory}), model.__name__


@pytest.mark.rule("ACT-1")
def test_the_partners_tasks_are_cancelled_with_a_word_and_leave_its_day(scene: Scene) -> None:
    deal = scene.deal()
    handoff, twin = scene.handed(deal)
    services.activity_create(
        twin, title="Позвонить Кимову", due_at=clock.now() - timedelta(hours=1), responsible=scene.colleague,
        by=scene.dealer,
    )  # fmt: skip
    kept = services.activity_create(
        fresh(deal), title="Наше", due_at=clock.now(), responsible=scene.manager, by=scene.manager
    )
    assert "Позвонить Кимову" in browser(scene.colleague).get("/").content.decode()
    recall(handoff_id=handoff.pk, by=scene.head, reason="Клиент просит нас самих")
    rows = Activity.objects.filter(record_type="deal", record_id=twin.pk)
    assert {row.done_at is not None for row in rows} == {True}
    assert {"Отменено: производитель забрал запись."} == {row.result for row in rows}
    assert fresh(twin).next_activity_at is None
    assert fresh(kept).done_at is None
    for who in (scene.dealer, scene.colleague):
        own = browser(who)
        assert not Activity.objects.visible_to(who).exists()
        for address in ("/", "/tasks/", "/tasks/?state=done", "/api/v1/tasks/"):
            assert "Кимов" not in own.get(address).content.decode(), address
    assert Activity.objects.visible_to(scene.head).filter(pk__in=rows).count() == rows.count()
    assert not Activity.objects.visible_to(scene.other).exists()


def test_a_lead_that_became_the_deal_is_taken_back_with_it(scene: Scene) -> None:
    lead = scene.lead()
    _handoff, twin = scene.handed(lead)
    move(twin, "qualified", by=scene.dealer)
    made = convert(lead_id=twin.pk, by=scene.dealer, choice=ConversionChoice(kind=PERSON))
    assert made.deal is not None
    assert made.contact is not None
    handoff = Handoff.objects.get(record_type="deal", state=Handoff.State.ACTIVE)
    recall(handoff_id=handoff.pk, by=scene.head, reason="Клиент просит нас самих")
    twin = fresh(twin)
    assert (twin.stage, twin.phone, twin.contact) == ("partner_lead:recalled", "", None)
    assert not type(made.contact).objects.visible_to(scene.dealer).exists()
    mine = lead_create(by=scene.dealer, data={"name": "Другой"}, phones="+79990001122")
    answer = browser(scene.dealer).patch(
        f"/api/v1/leads/{mine.pk}/", {"contact": made.contact.pk}, content_type="application/json"
    )
    assert answer.status_code == 400
    with pytest.raises(InvalidInput):
        services.record_update(fresh(mine), data={"contact": made.contact.pk}, by=scene.dealer)


def test_a_partner_that_is_closed_keeps_no_clients_either(scene: Scene) -> None:
    deal = scene.deal()
    _handoff, twin = scene.handed(deal)
    assert partner_hand_back(scene.partner, to=scene.manager, by=scene.head) == 1
    assert fresh(twin).contact is None
    assert fresh(deal).responsible == scene.manager


def test_a_won_deal_is_not_taken_back(scene: Scene) -> None:
    from crm import events
    from partners.handoff import HandoffError

    handoff, twin = scene.handed(scene.deal())
    with events.silence():
        move(twin, "won", by=scene.head, override=True)
    with pytest.raises(HandoffError):
        recall(handoff_id=handoff.pk, by=scene.head, reason="Клиент просит нас самих")
    assert fresh(twin).contact is not None


# -- the crawl --------------------------------------------------------------------------------------------------------


class Aftermath:
    """Partner A has had a lead and a deal; they were taken back and are with partner B."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.twins, self.foreign = [], []
        for kind in ("lead", "deal"):
            record = getattr(scene, kind)()
            handoff, twin = scene.handed(record)
            upload = SimpleUploadedFile("Кимов.txt", b"x")
            self.file = services.attachment_add(twin, upload=upload, by=scene.dealer)
            second = hand_on(
                handoff_id=handoff.pk, partner=scene.other.partner, by=scene.control, reason="Нет ответа три дня"
            )  # type: ignore[arg-type]
            theirs = type(record).objects.get(pk=second.twin_id)
            upload = SimpleUploadedFile("Смета Б.txt", b"x")
            services.attachment_add(theirs, upload=upload, by=scene.other)
            services.note_add(theirs, text="Цена дилера Б", by=scene.other)
            self.twins.append(fresh(twin))
            self.foreign += [record, theirs]

    def hits(self, text: str) -> list[str]:
        """What must not be in an answer."""
        words = [word for word in (*SECRETS, "Цена дилера Б", "Смета Б", "Дилер Б", "Кимов.txt") if word in text]
        links = [
            row.get_absolute_url()
            for row in (*self.foreign, self.scene.contact, self.scene.company, self.scene.object)
            if f'"{row.get_absolute_url()}"' in text or f"/api/v1{row.get_absolute_url()}" in text
        ]
        return words + links


@pytest.fixture
def aftermath(scene: Scene) -> Aftermath:
    return Aftermath(scene)


def patterns(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    """Every address of the product, with its parameters as they are written."""
    for part in (resolver or get_resolver()).url_patterns:
        path = f"{prefix}{part.pattern}"
        if isinstance(part, URLResolver):
            yield from patterns(part, path)
        elif isinstance(part, URLPattern):
            yield path


def filled(path: str, pk: int) -> str | None:
    """A plain address with the number put in; None for those that need more than a number and a kind of record."""
    import re

    address = re.sub(r"<int:\w+>|\(\?P<(pk|file_id)>[^)]*\)", str(pk), path)
    address = address.replace("<str:record_type>", "deal").replace("<slug:state>", "closed")
    address = re.sub(r"\\\.\(\?P<format>.*|[\^$?]", "", address).replace("\\", "")
    return None if re.search(r"[<>()\[\]]", address) or "logout" in address or "sign" in address else f"/{address}"


def read(own: Client, address: str, **headers: str) -> str:
    answer = own.get(address, headers=headers)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return body.decode(errors="replace") if answer.status_code == 200 else ""


def test_partner_a_finds_nothing_of_the_client_and_of_partner_b_at_any_address(aftermath: Aftermath) -> None:
    own = browser(aftermath.scene.dealer)
    ids = sorted({row.pk for row in (*aftermath.twins, *aftermath.foreign)} | {aftermath.file.pk})
    asked = 0
    for path in sorted(set(patterns())):
        for pk in ids if ("pk" in path or "_id" in path) else ids[:1]:
            address = filled(path, pk)
            if address is None or address.startswith(("/static", "/media", "/health")):
                continue
            asked += 1
            for headers in ({}, HTMX):
                text = read(own, address, **headers)
                assert aftermath.hits(text) == [], address
    assert asked > 100


def test_no_search_filter_expansion_or_export_leads_there(aftermath: Aftermath) -> None:
    scene = aftermath.scene
    own = browser(scene.dealer)
    for kind in ("lead", "deal"):
        twin = next(row for row in aftermath.twins if kind == row.RECORD_TYPE)
        body = json.loads(read(own, f"/api/v1/{kind}s/{twin.pk}/?{EXPAND}"))
        assert (body["contact"], body["company"], body["object"]) == (None, None, None)
        pages = [
            f"/api/v1/{kind}s/?{EXPAND}",
            f"/{kind}s/export/?columns=all&as=csv&pipeline=all",
            f"/{kind}s/?pipeline=all",
        ]
        for address in pages:
            text = read(own, address)
            assert text, address
            assert aftermath.hits(text) == [], address
        for query in (
            f"search={TAIL}", f"search={MAIL}", "search=Кимов", "search=Ромашка", f"contact={scene.contact.pk}",
            f"company={scene.company.pk}", f"object={scene.object.pk}", "city=Тверь",
        ):  # fmt: skip
            assert json.loads(read(own, f"/api/v1/{kind}s/?{query}"))["results"] == [], query
    for text in (TAIL, PHONE, MAIL, "Кимов", "Ромашка", "7707083893"):
        for address in ("/search/", "/palette/", "/api/v1/search/"):
            answer = own.get(address, {"q": text}, headers=HTMX)
            if answer.status_code == 200:
                shown = answer.content.decode()
                assert all(row.get_absolute_url() not in shown for row in aftermath.twins), f"{address} {text}"
    assert own.get(f"/files/{aftermath.file.pk}/").status_code == 404
    # The crawl can find: partner B, whose it is now, does.
    theirs = browser(scene.other)
    assert aftermath.hits(read(theirs, f"/api/v1/deals/?{EXPAND}"))


@pytest.mark.parametrize("kind", ["lead", "deal"])
def test_records_taken_back_before_are_emptied_by_the_migration(scene: Scene, kind: str) -> None:
    from importlib import import_module

    from django.apps import apps

    record, twin = taken_back(scene, kind)
    columns = {"title": f"Ангар Кимова {PHONE}", "contact": scene.contact, "address": "Тверь", "search_text": "кимов"}
    type(twin).objects.filter(pk=twin.pk).update(**columns)
    ContactPoint.objects.create(record_type=kind, record_id=twin.pk, kind="phone", value=PHONE, reversed_value="x")
    take = import_module("partners.migrations.0003_take_clients_back").take
    for _time in range(2):
        take(apps, None)
        row = fresh(twin)
        assert (row.title, row.contact, row.address, row.search_text) == ("Ангар 36×18", None, "", "ангар 36×18")
        assert not ContactPoint.objects.filter(record_type=kind, record_id=twin.pk).exists()
    assert fresh(record).address
    old = Change.objects.filter(record_type=kind, record_id=twin.pk, field="contact").order_by("-pk").first()
    assert old is not None
    assert old.old == scene.contact.pk
