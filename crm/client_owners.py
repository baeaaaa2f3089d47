"""One person answers for a company and for all its contacts (DEAL-12).

The company is the master: a contact that is linked to it takes the company's person, and whoever is given one of them
is given all of them, in the same transaction. This hangs on every creation and change of a record, so that forms,
API, bulk actions, conversion, merges and robots cannot go past it; what a direct write of the database still brings
out of step is found and mended at night. Those in the trash and those merged away are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from crm.actors import Actor
from crm.journaling import Journal
from crm.models import Activity, Company, Contact, RecordType, TimelineEntry
from crm.rows import row
from crm.services import record_hand
from crm.together import together

log = structlog.get_logger(__name__)


def derive_owner(contact: Contact, changed: set[str]) -> set[str]:
    """A new contact of a company starts with the company's person, whoever was named with it."""
    if "__new__" not in changed or contact.company_id is None:
        return set()
    company = _company(contact)
    if company is None or company.responsible_id is None:
        return set()
    contact.responsible = company.responsible
    return {"responsible"}


def contact_follow(contact: Contact, changed: set[str], by: Actor) -> None:
    """After a change of a contact: the company decides on a new link, the contact's new person takes the rest along."""
    if contact.company_id is None or not changed & {"company", "responsible"}:
        return
    company = _company(contact)
    if company is None or company.responsible_id == contact.responsible_id:
        return
    if "company" in changed and company.responsible_id is not None:
        record_hand(contact, responsible=company.responsible, by=by, reason=_("As of the company"))
        return
    reason = _("As of the contact «%(name)s»") % {"name": contact}
    record_hand(company, responsible=contact.responsible, by=by, reason=reason)


def company_follow(company: Company, changed: set[str], by: Actor) -> None:
    """After a change of a company's person: all its contacts go along."""
    if "responsible" in changed:
        _hand_contacts(company, by, _("As of the company"))


@together
def company_keep_together(company: Company, *, by: Any, reason: str = "", is_mending: bool = False) -> int:
    """Bring a company's contacts in step with it; answers how many records changed hands.

    `is_mending` marks the lines of the timeline by which `mended` finds them. A company that nobody answers for takes
    the person of the first of its contacts that has one.
    """
    locked = row(Company, company.pk, alive=True, lock=True)
    if locked is None:
        return 0
    actor = Actor.of(by)
    told = {"mended": True} if is_mending else {}
    if locked.responsible_id is None:
        first = _living_contacts(locked).filter(responsible__isnull=False).order_by("pk").first()
        if first is None:
            return 0
        why = reason or _("As of the contact «%(name)s»") % {"name": first}
        record_hand(locked, responsible=first.responsible, by=actor, reason=why, **told)
        return 1
    return _hand_contacts(locked, actor, reason or _("As of the company"), **told)


def out_of_step() -> QuerySet[Contact]:
    """Living contacts whose person is not the one of their living company."""
    alive = Q(company__deleted_at__isnull=True, company__merged_into__isnull=True)
    differs = (
        ~Q(responsible=F("company__responsible"))
        | Q(responsible__isnull=True, company__responsible__isnull=False)
        | Q(responsible__isnull=False, company__responsible__isnull=True)
    )
    return Contact.objects.alive().filter(alive & differs, company__isnull=False)


def mended(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those of the contacts or companies that the nightly check gave to another person."""
    entries = TimelineEntry.objects.filter(
        record_type=rows.model.RECORD_TYPE, record_id=OuterRef("pk"), action="responsible", data__mended=True
    )
    return rows.filter(Exists(entries))


def mend(limit: int = 2000) -> int:
    """The nightly check: list in the log what got out of step and mend it; answers how many records changed hands.

    Each company in a transaction of its own: one that cannot be mended is told in the log and holds up no other.
    """
    found = list(out_of_step().order_by("company_id", "pk").values_list("company_id", "pk")[:limit])
    if not found:
        return 0
    log.warning("clients_out_of_step", contacts=[pk for _company_id, pk in found])
    by, done = Actor.system(_("Nightly check")), 0
    for pk in dict.fromkeys(company_id for company_id, _pk in found):
        try:
            with transaction.atomic():
                company = Company.objects.get(pk=pk)
                done += company_keep_together(company, by=by, reason=_("Nightly check"), is_mending=True)
        except Exception:
            log.exception("client_not_mended", company=pk)
    return done


# -- merges: what they bring together has to come apart again ---------------------------------------------------------

People = dict[tuple[type[Any], int], int | None]


def companies_of(records: Iterable[Any]) -> set[int]:
    """The companies whose people a merge of these records may change."""
    keys = {
        item.pk if isinstance(item, Company) else item.company_id
        for item in records
        if isinstance(item, Company | Contact)
    }
    return {key for key in keys if key is not None}


def people_of(companies: set[int]) -> People:
    """Who answers for these companies, for everybody in them, and for what is to be done with them."""
    if not companies:
        return {}
    inside = Contact.objects.filter(company__in=companies)
    tasks = Q(record_type=RecordType.COMPANY, record_id__in=companies)
    tasks |= Q(record_type=RecordType.CONTACT, record_id__in=inside.order_by().values("pk"))
    groups = (Company.objects.filter(pk__in=companies), inside, Activity.objects.filter(tasks, done_at__isnull=True))
    return {(rows.model, pk): person for rows in groups for pk, person in rows.values_list("pk", "responsible_id")}


def note_people(journal: Journal, before: People, companies: set[int]) -> None:
    """Remember in a merge's journal who has another person now than before it."""
    for (model, pk), now in people_of(companies).items():
        if (model, pk) in before and before[model, pk] != now:
            journal.note(model, "responsible_id", [pk], before[model, pk], now)


def keep_together(companies: set[int], by: Actor) -> None:
    """Bring several companies' contacts in step with them."""
    for company in Company.objects.filter(pk__in=companies).order_by("pk"):
        company_keep_together(company, by=by)


# -- inside -----------------------------------------------------------------------------------------------------------


def _company(contact: Contact) -> Company | None:
    """The contact's company, locked: a change of its person that is under way is waited for."""
    return row(Company, contact.company_id, alive=True, lock=True)


def _living_contacts(company: Company) -> QuerySet[Contact]:
    return Contact.objects.alive().filter(company=company)


def _out_of_step_of(company: Company, person: int | None) -> QuerySet[Contact]:
    contacts = _living_contacts(company)
    if person is None:
        return contacts.filter(responsible__isnull=False)
    return contacts.filter(~Q(responsible=person) | Q(responsible__isnull=True))


def _hand_contacts(company: Company, by: Actor, reason: str, **told: Any) -> int:
    wrong = _out_of_step_of(company, company.responsible_id).order_by("pk").select_for_update(of=("self",))
    done = 0
    for contact in wrong:
        record_hand(contact, responsible=company.responsible, by=by, reason=reason, **told)
        done += 1
    return done
