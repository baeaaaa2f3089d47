"""Writing of leads: by hand, from intake, and linking them to a client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Role
from crm import preferences
from crm.actors import Actor
from crm.attribution import UTM_MARKS, touch_from
from crm.contact_points import Point, points_of, read_points
from crm.models import Source
from crm.rows import catalogue
from crm.services import record_assign, record_create, record_update
from crm.tags import tags_set
from crm.titles import render_title
from crm.together import together
from leads.models import Lead
from objects_registry.building import number

PIPELINE = "lead"
PARTNER_PIPELINE = "partner_lead"
# Who works at the leads they make; others' go to the sales head when they are qualified.
OWN_MAKERS = frozenset({Role.SALES_MANAGER, Role.SALES_HEAD, Role.PARTNER})
Texts = str | Iterable[str]


@together
def lead_create(
    *,
    by: Any,
    data: Mapping[str, Any],
    phones: Texts = "",
    emails: Texts = "",
    pipeline: str = PIPELINE,
    **columns: Any,
) -> Lead:
    """Create a lead at its pipeline's start; a title that is not given is made by the template (LEAD-3).

    A manager who makes one by hand is responsible for it; a partner's user makes it in the partner's pipeline.
    Raises InvalidInput naming the field, also for a phone or e-mail that is none.
    """
    actor = Actor.of(by)
    values = _with_points(data, phones, emails)
    tags = values.pop("tags", None)
    if actor.is_person and actor.user is not None:
        if actor.user.is_partner:
            pipeline, columns = PARTNER_PIPELINE, {**columns, "partner": actor.user.partner}
        if actor.user.role in OWN_MAKERS and "responsible" not in values:
            values["responsible"] = actor.user
    lead = record_create(Lead, data=values, by=actor, pipeline=pipeline, **columns)
    if tags is not None:
        tags_set(lead, tags=tags)
    return lead


@together
def lead_update(
    lead: Lead,
    *,
    by: Any,
    data: Mapping[str, Any],
    phones: Texts = "",
    emails: Texts = "",
    expected_version: int | None = None,
) -> Lead:
    """Change named fields; the first of the phones and e-mails given becomes the main one, the old ones stay.

    A new responsible takes the open tasks along (crm.services.record_assign).
    """
    values = _with_points(data, phones, emails)
    tags = values.pop("tags", None)
    has_responsible, responsible = "responsible" in values, values.pop("responsible", None)
    record_update(lead, data=values, by=by, expected_version=expected_version)
    if has_responsible:
        record_assign(lead, responsible=responsible, by=by)
    if tags is not None:
        tags_set(lead, tags=tags, by=by)
    return lead


def _with_points(data: Mapping[str, Any], phones: Texts, emails: Texts) -> dict[str, Any]:
    values = dict(data)
    for name, texts in (("phone", phones), ("email", emails)):
        text = texts if isinstance(texts, str) else "\n".join(str(item) for item in texts)
        if text.strip():
            values[name] = text
    return values


def lead_points(lead: Lead) -> list[Point]:
    """A lead's phones and addresses, to be given to whoever they belong to."""
    return [Point(point.kind, point.value, point.original, point.extension) for point in points_of(lead)]


# -- what follows from fields: given to crm.services.derive, in this order --------------------------------------------


def keep_originals(lead: Lead, changed: set[str]) -> set[str]:
    """What was typed into phone and e-mail is kept beside their normalised form (LEAD-5)."""
    kept = set()
    for name in {"phone", "email"} & changed:
        text, column = str(getattr(lead, name) or "").strip()[:254], f"{name}_original"
        if text and text not in {point.value for point in read_points(text, text)}:
            setattr(lead, column, text)
            kept.add(column)
    return kept


def derive_source(lead: Lead, changed: set[str]) -> set[str]:
    """The source of a new lead that comes with marks but names none, as it is read from a form's (LEAD-1).

    What is carried over (copies, partners' twins) is carried over as it is.
    """
    if "__new__" not in changed or lead.source_id or lead.partner_id or lead.mother_deal_id:
        return set()
    marks = {name: getattr(lead, name) for name in UTM_MARKS}
    if not (any(marks.values()) or lead.click_ids or lead.referrer):
        return set()
    touch = touch_from({**lead.click_ids, **marks}, lead.referrer, lead.landing_page)
    known: dict[Any, Any] = catalogue(Source)
    lead.source = known.get(touch.source_code)
    return {"source"} if lead.source is not None else set()


def derive_title(lead: Lead, changed: set[str]) -> set[str]:
    """The title follows the template until somebody writes one; emptied, it follows again (LEAD-3)."""
    before = (lead.title, lead.title_is_manual)
    lead.title = (lead.title or "").strip()
    if "title" in changed:
        lead.title_is_manual = bool(lead.title)
    if not lead.title_is_manual:
        lead.title = automatic_title(lead)
    return {"title", "title_is_manual"} if before != (lead.title, lead.title_is_manual) else set()


def automatic_title(lead: Lead) -> str:
    """The title by the company's template, in the company's language; never empty."""
    template = preferences.get("lead_title_template")
    with translation.override(settings.LANGUAGE_CODE):
        values = {
            "source": _row(lead, "source"),
            "name": lead.name or lead.company_name or lead.phone or lead.email,
            "company": lead.company_name,
            "purpose": _row(lead, "purpose"),
            **{name: number(lead, name) for name in ("length", "width", "height", "area")},
            "city": lead.city or lead.region,
            "region": lead.region,
        }
        return render_title(template, values) or str(_("New request"))


def _row(lead: Lead, name: str) -> str:
    """The name of a row a lead points to; a row that does not exist is validation's business, not the title's."""
    try:
        return str(getattr(lead, name) or "")
    except ObjectDoesNotExist:
        return ""


def why_not_merged(lead: Lead) -> str:
    """Why a lead may not be merged: partners' leads, those that a partner works at, those that became something."""
    if lead.partner_id is not None:
        return _("«%(record)s» is a partner's lead; leads of partners are not merged.") % {"record": lead}
    if lead.twins.alive().open().exists():  # type: ignore[attr-defined]
        return _("A partner works at «%(record)s»; take it back first.") % {"record": lead}
    if lead.stage_row.kind in {"success", "neutral"}:
        return _("«%(record)s» is converted already; link the other one to its client instead.") % {"record": lead}
    return ""
