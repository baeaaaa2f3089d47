"""Writing of deals: create, change, products and services. Stages are moved by crm.stages.move alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm import pipelines, timeline
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import RecordType
from crm.services import record_assign, record_create, record_update
from crm.tags import tags_set
from crm.together import together
from deals.derived import lines_total
from deals.models import Deal, DealLine

MAX_LINES = 200
LINE_FIELDS = ("name", "quantity", "unit", "price", "discount", "vat", "per_tonne")


@together
def deal_create(*, by: Any, data: Mapping[str, Any], pipeline: str = "deal", stage: str = "", **columns: Any) -> Deal:
    """Make a deal; without a title it gets one by the template, without a responsible the person who makes it.

    `tags` (names or tags) and `lines` may stand in `data`. A partner's user makes deals of their own pipeline only.
    """
    actor = Actor.of(by)
    values = dict(data)
    tags, lines = values.pop("tags", None), values.pop("lines", None)
    if actor.is_person and actor.user is not None and actor.user.is_partner:
        columns["partner"] = actor.user.partner
        pipeline = pipelines.pipelines_of(RecordType.DEAL, partner=True)[0].code
    if values.get("responsible") is None and actor.is_person:
        values["responsible"] = actor.user
    deal = record_create(Deal, data=values, by=actor, pipeline=pipeline, stage=stage, **columns)
    if tags is not None:
        tags_set(deal, tags=tags)
    if lines is not None:
        deal_lines_set(deal, by=actor, lines=lines)
    return deal


@together
def deal_update(deal: Deal, *, by: Any, data: Mapping[str, Any], expected_version: int | None = None) -> Deal:
    """Change named fields of a deal; a new responsible takes the open tasks along (crm.services.record_assign)."""
    values = dict(data)
    tags, lines = values.pop("tags", None), values.pop("lines", None)
    has_responsible, responsible = "responsible" in values, values.pop("responsible", None)
    record_update(deal, data=values, by=by, expected_version=expected_version)
    if has_responsible:
        record_assign(deal, responsible=responsible, by=by)
    if tags is not None:
        tags_set(deal, tags=tags, by=by)
    if lines is not None:
        deal_lines_set(deal, by=by, lines=lines)
    return deal


@together
def deal_lines_set(deal: Deal, *, by: Any, lines: Iterable[Mapping[str, Any]], takes_amount: bool = False) -> Deal:
    """Replace a deal's products and services; the amount follows them unless it was set by hand.

    With `takes_amount` it follows them from now on whoever set it. A line of the catalogue (`product`) takes from there
    what it does not name; one by the tonne has the deal's tonnage for its quantity. InvalidInput names the line and the
    field that is wrong; then nothing is changed.
    """
    Deal.objects.select_for_update(of=("self",)).get(pk=deal.pk)
    before = lines_total(deal)
    rows = [_line(deal, number, values) for number, values in enumerate(lines)]
    if len(rows) > MAX_LINES:
        raise InvalidInput(_("A deal holds at most %(count)s lines.") % {"count": MAX_LINES})
    DealLine.objects.filter(deal=deal).delete()
    DealLine.objects.bulk_create(rows)
    _lines_changed(deal, before, len(rows), by, takes_amount=takes_amount)
    return deal


def lines_follow_tonnage(deal: Deal, changed: set[str], by: Any) -> None:
    """After a change of the tonnage: what is sold by the tonne has the new quantity, and the amount follows."""
    if "tonnage" not in changed or deal.tonnage is None:
        return
    wrong = [line for line in deal.lines.filter(per_tonne=True) if line.quantity != deal.tonnage]
    if not wrong:
        return
    before = lines_total(deal)
    DealLine.objects.filter(pk__in=[line.pk for line in wrong]).update(quantity=deal.tonnage)
    _lines_changed(deal, before, deal.lines.count(), by)


def _lines_changed(deal: Deal, before: Any, count: int, by: Any, *, takes_amount: bool = False) -> None:
    """Tell of other lines, and let the amount follow them, unless it was set by hand; `before` is the former total."""
    total = lines_total(deal)
    timeline.record(deal, "lines", by, {"count": count, "total": str(total or 0), "old": str(before or 0)})
    if (takes_amount or not deal.amount_is_manual) and (total is not None or before is not None):
        record_update(deal, data={"amount": total}, by=by)


def _line(deal: Deal, number: int, values: Mapping[str, Any]) -> DealLine:
    product = values.get("product")
    known = {} if product is None else {
        "product": product, "name": product.name_ru, "unit": product.unit, "price": product.price,
        "vat": product.vat, "per_tonne": product.per_tonne,
    }  # fmt: skip
    known |= {name: values[name] for name in LINE_FIELDS if values.get(name) not in (None, "")}
    line = DealLine(deal=deal, order=number, **known)
    if line.per_tonne:
        if deal.tonnage is None:
            raise InvalidInput.at(f"lines/{number}/quantity", _("The deal has no tonnage yet: fill it in first."))
        line.quantity, line.unit = deal.tonnage, line.unit or "т"
    try:
        line.clean_fields(exclude=["deal"])
    except ValidationError as error:
        found = InvalidInput.from_validation(error)
        rows = [{**row, "pointer": f"/lines/{number}{row['pointer']}"} for row in found.errors]
        raise InvalidInput(found.message, errors=rows) from error
    return line
