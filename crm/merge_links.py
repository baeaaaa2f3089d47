"""Everything that points at a record which can be merged, and what a merge does with it (OBJ-4).

The lists are explicit on purpose: a test compares them with the models, so that a new foreign key or a new table
that hangs on records cannot be forgotten. Models are named by string, the kernel imports no app.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models

from crm.journaling import Journal, model_of
from crm.models import ContactPoint

MOVE = "move"  # the row goes to the main record
UNLESS_SAME = "unless_same"  # likewise, but what the main record already has stays where it is
CANCEL = "cancel"  # the row stays, what it has planned is called off
STAY = "stay"  # the row belongs to the duplicate's own past


@dataclass(frozen=True)
class Link:
    """One column that points at a record; `same` are the columns that must be unique beside it."""

    model: str
    column: str
    how: str = MOVE
    same: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """As the registry and its test name it: "deals.Deal.object"."""
        return f"{self.model}.{self.column}"


LEAD = "leads.Lead"
OBJECT = "objects_registry.ConstructionObject"
OBJECT_CONTACTS = f"{OBJECT}_contacts"
OBJECT_COMPANIES = f"{OBJECT}_companies"

# Foreign keys, one-to-ones and the rows of many-to-many tables, by the model that they point at.
FOREIGN_KEYS: dict[str, tuple[Link, ...]] = {
    OBJECT: (
        Link("deals.Deal", "object"),
        Link("leads.Lead", "object"),
        Link("leads.Lead", "duplicate_object"),
        Link(OBJECT, "merged_into"),
        Link(OBJECT_CONTACTS, "constructionobject", UNLESS_SAME, ("contact_id",)),
        Link(OBJECT_COMPANIES, "constructionobject", UNLESS_SAME, ("company_id",)),
    ),
    LEAD: (
        Link(LEAD, "merged_into"),
        # A converted lead is not merged; one whose conversion was undone keeps the memory of it.
        Link("leads.LeadConversion", "lead", STAY),
        # What the partners work at: a lead that is with one now is not merged.
        Link(LEAD, "origin"),
        Link(f"{LEAD}_tags", "lead", UNLESS_SAME, ("tag_id",)),
    ),
    "crm.Contact": (
        Link("deals.Deal", "contact"),
        Link("leads.Lead", "contact"),
        Link("communications.Message", "contact"),
        Link("crm.Contact", "merged_into"),
        Link(OBJECT_CONTACTS, "contact", UNLESS_SAME, ("constructionobject_id",)),
    ),
    "crm.Company": (
        Link("crm.Contact", "company"),
        Link("deals.Deal", "company"),
        Link("leads.Lead", "company"),
        Link("crm.Company", "merged_into"),
        Link("partners.PartnerProfile", "company", UNLESS_SAME),
        Link(OBJECT_COMPANIES, "company", UNLESS_SAME, ("constructionobject_id",)),
    ),
}

# Tables that hang on records of every kind by (record_type, record_id).
HANGING: tuple[Link, ...] = (
    Link("crm.TimelineEntry", "record_id"),
    Link("crm.Activity", "record_id"),
    Link("crm.Attachment", "record_id"),
    Link("crm.Notification", "record_id"),
    Link("crm.ContactPoint", "record_id", UNLESS_SAME, ("kind", "value")),
    Link("communications.Message", "record_id"),
    Link("communications.Call", "record_id"),
    Link("automation.ScheduledRun", "record_id", CANCEL),
    # How long the duplicate stood where, who changed what in it, what rules did to it: facts about that record.
    Link("crm.StageHistory", "record_id", STAY),
    Link("crm.Change", "record_id", STAY),
    Link("crm.Event", "record_id", STAY),
    Link("communications.WebhookEvent", "record_id", STAY),
    Link("automation.RuleRun", "record_id", STAY),
    # Of leads and deals alone; what a partner works at now is not merged.
    Link("partners.Handoff", "record_id"),
)

# Columns that hold an id without being a key, and why a merge leaves them alone.
LOOSE: dict[str, str] = {
    "leads.LeadConversion.deal_id": "the conversion's own memory",
    "leads.LeadConversion.contact_id": "likewise",
    "leads.LeadConversion.company_id": "likewise",
    "communications.Submission.lead_id": "the raw request keeps the lead it became, whose address leads on",
    "communications.Submission.deal_id": "likewise the deal",
    "partners.Handoff.twin_id": "of partners' own records, which are not merged",
    "automation.ScheduledRun.entry_id": "a row of the stage history, which stays",
    "crm.Merge.main_id": "the merge's own memory",
    "crm.DuplicateMember.member_id": "a merged record is left out of its group by itself",
    "crm.NotDuplicate.low_id": "what was found different stays different from the duplicate",
    "crm.NotDuplicate.high_id": "likewise",
}


def links_to(model: type[models.Model]) -> tuple[Link, ...]:
    """All links that a merge of records of this model handles; KeyError where the model cannot be merged."""
    return FOREIGN_KEYS[model._meta.label] + HANGING


# -- carrying rows over -----------------------------------------------------------------------------------------------


def carry(link: Link, main: Any, other: Any, journal: Journal) -> list[int]:
    """Do with the rows of one link what the registry says; answers the ids of those that now hang on `main`."""
    if link.how == STAY:
        return []
    model = model_of(link.model)
    rows = rows_of(link, other)
    if link.how == CANCEL:
        waiting = list(rows.filter(state="scheduled").values_list("pk", flat=True))
        journal.change(model, "state", waiting, "scheduled", "cancelled")
        return []
    if link.how == UNLESS_SAME:
        pks = _free(rows, set(rows_of(link, main).values_list(*link.same or ("pk",))), link.same)
        if not link.same and rows_of(link, main).exists():
            pks = []
    else:
        pks = list(rows.values_list("pk", flat=True))
    if link.model == "crm.ContactPoint":
        _demote(link, main, pks)
    return journal.change(model, link.column, pks, other.pk, main.pk)


def rows_of(link: Link, record: Any) -> models.QuerySet[Any]:
    """The rows that hang on a record by that link."""
    found = {link.column: record.pk}
    if link.column == "record_id":
        found["record_type"] = record.RECORD_TYPE
    return model_of(link.model)._base_manager.filter(**found).order_by("pk")


def _free(rows: models.QuerySet[Any], taken: set[tuple[Any, ...]], same: tuple[str, ...]) -> list[int]:
    """The rows whose key the main record does not have yet."""
    if not same:
        return list(rows.values_list("pk", flat=True)[:1])
    return [pk for pk, *key in rows.values_list("pk", *same) if tuple(key) not in taken]


def _demote(link: Link, main: Any, pks: list[int]) -> None:
    """A phone that comes along is not the main one where the main record has its own; noted by PointFlags."""
    kinds = set(rows_of(link, main).values_list("kind", flat=True))
    ContactPoint.objects.filter(pk__in=pks, kind__in=kinds).update(is_primary=False)


class PointFlags:
    """Which phones and addresses are the main ones, before and after: several steps of a merge change it."""

    def __init__(self, records: Iterable[Any]) -> None:
        self.records = list(records)
        self.before = self._read()

    def _read(self) -> dict[int, bool]:
        ids = [record.pk for record in self.records]
        rows = ContactPoint.objects.filter(record_type=self.records[0].RECORD_TYPE, record_id__in=ids)
        return dict(rows.values_list("pk", "is_primary"))

    def note(self, journal: Journal) -> list[int]:
        """Put what changed into the journal; answers the rows that were made meanwhile."""
        after = self._read()
        for new in (True, False):
            pks = [pk for pk, old in self.before.items() if old is not new and after.get(pk) is new]
            if pks:
                journal.note(ContactPoint, "is_primary", pks, not new, new)
        return sorted(after.keys() - self.before.keys())
