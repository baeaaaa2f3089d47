"""What follows from a deal's fields: title by template and amount from the lines, both until a hand sets them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.utils import translation
from django.utils.translation import gettext as _

from crm import preferences, titles
from deals.models import Deal
from objects_registry.building import number

TITLE_PARTS = ("object", "client", "area", "tonnage", "purpose", "city", "length", "width", "source")
TITLE_INPUTS = frozenset({*TITLE_PARTS, "contact", "company", "title", "__new__"})


def lines_total(deal: Deal) -> Decimal | None:
    """The sum of a deal's products and services; None while it has none."""
    if deal._state.adding:
        return None
    lines = list(deal.lines.all())
    return sum((line.total for line in lines), Decimal(0)) if lines else None


def derive_amount(deal: Deal, changed: set[str]) -> set[str]:
    """An amount that the lines do not give is somebody's own; an emptied one follows the lines again."""
    if "amount" not in changed:
        return set()
    total = lines_total(deal)
    if deal.amount in (None, ""):
        deal.amount = total
    try:
        given = Deal._meta.get_field("amount").to_python(deal.amount)
    except ValidationError:
        return set()  # the validation of all fields is going to name it
    deal.amount_is_manual = given is not None and given != total
    return {"amount", "amount_is_manual"}


def derive_title(deal: Deal, changed: set[str]) -> set[str]:
    """The title by the template of the settings, until it is changed by hand; an emptied one is automatic again."""
    if not changed & TITLE_INPUTS:
        return set()
    if "title" in changed:
        deal.title_is_manual = bool(str(deal.title or "").strip())
    if deal.title_is_manual:
        return {"title_is_manual"}
    template = preferences.get("deal_title_template")
    with translation.override(settings.LANGUAGE_CODE):
        deal.title = titles.render_title(template, title_values(deal)) or _("New deal")
    return {"title", "title_is_manual"}


def title_values(deal: Deal) -> dict[str, Any]:
    """The values a title may use; where no object is linked yet, what is to be built stands for it."""
    sides = [titles.title_value(number(deal, name)) for name in ("length", "width")]
    building = " ".join(part for part in (_row(deal, "purpose"), "×".join(sides) if all(sides) else "") if part)
    return {
        "object": _row(deal, "object") or building,
        "client": _row(deal, "company") or _row(deal, "contact"),
        **{name: number(deal, name) for name in ("area", "tonnage", "length", "width")},
        "purpose": _row(deal, "purpose"),
        "city": deal.city or deal.region,
        "source": _row(deal, "source"),
    }


def _row(deal: Deal, name: str) -> str:
    """The name of a row a deal points to; a row that does not exist is validation's business, not the title's."""
    try:
        return str(getattr(deal, name) or "")
    except ObjectDoesNotExist:
        return ""
