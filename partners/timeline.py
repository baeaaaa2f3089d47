"""Sentences of the timeline about hand-overs, and the lines that both sides of one share (PART-8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.models import Partner
from crm import pipelines
from crm.models import Attachment, RecordType, StagedRecord
from crm.templatetags import ui
from crm.timeline import KINDS, formatter
from deals.models import Deal
from partners.handoff import remembered_handoffs
from partners.models import Handoff, PartnerProfile

MEMO = "_handoffs_as_twin"
# Notes, letters, messages, calls and files; moves, fields, tasks and robots stay each side's own.
SHARED_KINDS = frozenset({"note", "message", "file"})


def shared_lines(record: StagedRecord) -> Q | None:
    """The lines of the other side that a handed-over record or its twin shows."""
    return _shared(record, "at", action__in=[action for action, kind in KINDS.items() if kind in SHARED_KINDS])


def shared_files(record: StagedRecord) -> Q | None:
    """The files of the other side, under the same conditions as its lines."""
    return _shared(record, "created_at")


def _shared(record: StagedRecord, moment: str, **only: Any) -> Q | None:
    """Rows of the other side whose time stands in the column `moment`; None where there are none to be seen.

    The partner sees the manufacturer's only from the hand-over until its end, after a recall none, and never internal
    ones: what was written before was not written for its eyes. The manufacturer sees those of every twin.
    """
    if record.RECORD_TYPE not in {RecordType.LEAD, RecordType.DEAL}:
        return None
    if record.partner_id is None:  # type: ignore[attr-defined]
        twins = [row.twin_id for row in _handoffs(record)]
        return Q(record_type=record.RECORD_TYPE, record_id__in=twins, **only) if twins else None
    found = Q()
    for handoff in _handoffs(record):
        if handoff.state == Handoff.State.RECALLED:
            continue
        rows = Q(record_type=record.RECORD_TYPE, record_id=handoff.record_id, is_internal=False, **only)
        rows &= Q(**{f"{moment}__gte": handoff.handed_at})
        if handoff.ended_at is not None:
            rows &= Q(**{f"{moment}__lte": handoff.ended_at})
        found |= rows
    return found or None


def homes_of_file(attachment: Attachment) -> list[tuple[str, int]]:
    """The records on the other side of the hand-overs of the record that a file hangs on."""
    rows = Handoff.objects.filter(record_type=attachment.record_type)
    pk = attachment.record_id
    pairs = rows.filter(Q(record_id=pk) | Q(twin_id=pk)).values_list("record_id", "twin_id")
    return [(attachment.record_type, twin if own == pk else own) for own, twin in pairs]


def _handoffs(record: StagedRecord) -> list[Handoff]:
    """The hand-overs of a record or of a twin; read once per instance, for lines and files of a card alike."""
    if record.partner_id is None:  # type: ignore[attr-defined]
        return remembered_handoffs(record)
    if MEMO not in record.__dict__:
        rows = Handoff.objects.filter(record_type=record.RECORD_TYPE, twin_id=record.pk)
        record.__dict__[MEMO] = list(rows.order_by("pk"))
    found: list[Handoff] = record.__dict__[MEMO]
    return found


def _with_comment(text: str, data: Mapping[str, Any], name: str = "comment") -> str:
    return f"{text} {data[name]}" if data.get(name) else text


@formatter("handed_over", "stage")
def _handed_over(data: Mapping[str, Any]) -> str:
    return _with_comment(_("Handed over to the partner «%(partner)s».") % {"partner": data.get("partner", "")}, data)


@formatter("received", "stage")
def _received(data: Mapping[str, Any]) -> str:
    return _with_comment(_("Received from the manufacturer."), data)


@formatter("partner_accepted", "stage")
def _partner_accepted(data: Mapping[str, Any]) -> str:
    return _("The partner «%(partner)s» has accepted the request.") % {"partner": data.get("partner", "")}


@formatter("partner_stage", "stage")
def _partner_stage(data: Mapping[str, Any]) -> str:
    names = {"partner": data.get("partner", ""), "from": _stage_name(data, "from"), "to": _stage_name(data, "to")}
    return _with_comment(_("Partner «%(partner)s»: «%(from)s» → «%(to)s».") % names, data, "refusal")


@formatter("recalled", "stage")
def _recalled(data: Mapping[str, Any]) -> str:
    text = _("Recalled from the partner «%(partner)s».") % {"partner": data.get("partner", "")}
    return _with_comment(text, data, "reason")


@formatter("taken_back", "stage")
def _taken_back(data: Mapping[str, Any]) -> str:
    return _with_comment(_("The manufacturer took the record back."), data, "reason")


@formatter("partner_refused", "stage")
def _partner_refused(data: Mapping[str, Any]) -> str:
    text = _("The partner «%(partner)s» refused the record; it is yours again.") % {"partner": data.get("partner", "")}
    return _with_comment(text, data, "reason")


@formatter("partner_won", "stage")
def _partner_won(data: Mapping[str, Any]) -> str:
    text = _("The partner «%(partner)s» has won the deal.") % {"partner": data.get("partner", "")}
    changes = [
        _("%(label)s: %(old)s → %(new)s")
        % {"label": Deal._meta.get_field(row["field"]).verbose_name, "old": row["old"], "new": row["new"]}
        for row in data.get("changes", [])
    ]
    return f"{text} {'; '.join(changes)}" if changes else text


@formatter("commission_accrued", "stage")
def _commission_accrued(data: Mapping[str, Any]) -> str:
    names = {"amount": ui.money(data.get("amount")), "percent": ui.number(data.get("percent")),
             "base": ui.money(data.get("base"))}  # fmt: skip
    return _("Commission of the partner: %(amount)s (%(percent)s %% of %(base)s).") % names


@formatter("commission_reversed", "stage")
def _commission_reversed(data: Mapping[str, Any]) -> str:
    return _("Commission of the partner is taken back: %(amount)s.") % {"amount": ui.money(data.get("amount"))}


@formatter("commission_not_in_roubles", "stage")
def _commission_not_in_roubles(data: Mapping[str, Any]) -> str:
    text = _("No commission was computed: the deal is in %(currency)s. It is entered as a correction in roubles.")
    return text % {"currency": data.get("currency", "")}


@formatter("partner_reminded", "stage")
def _partner_reminded(data: Mapping[str, Any]) -> str:
    since = parse_datetime(str(data.get("since") or ""))
    names = {"stage": _stage_name(data, "stage"), "since": ui.moment(since)}
    return _("The manufacturer reminds of it: it stands at «%(stage)s» since %(since)s.") % names


@formatter("partner_changed", "field")
def _partner_changed(data: Mapping[str, Any]) -> str:
    parts = [
        _("%(label)s: %(old)s → %(new)s")
        % {"label": _label(row), "old": _state(row, "old") or "—", "new": _state(row, "new") or "—"}
        for row in data.get("changes", [])
    ]
    return "; ".join(parts)


def _label(row: Mapping[str, Any]) -> str:
    """What a field of the registry is called in the reader's language."""
    for model in (Partner, PartnerProfile):
        for field in model._meta.concrete_fields:
            if field.name == row.get("field"):
                return str(field.verbose_name)
    return str(row.get("label", ""))


def _state(row: Mapping[str, Any], side: str) -> str:
    """A value; a state is kept by its code, in rows of before codes were kept as it was called then."""
    value = row.get(side) or ""
    return str(dict(Partner.State.choices).get(value, value)) if row.get("field") == "state" else str(value)


def _stage_name(data: Mapping[str, Any], side: str) -> str:
    try:
        return pipelines.stage(str(data.get(side))).name
    except KeyError:
        return str(data.get(side, ""))
