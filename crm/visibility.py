"""THE row-level rule (ACC-1): which rows a user may see, comment, move and change. Every list, card, search, count,
report, export, file, timeline, autocomplete and API call goes through `restrict`, by way of `visible_to`.

Records know their owner (`responsible`) and, in partner pipelines, their tenant (`partner`). Contacts, companies
and objects are seen through the leads and deals that hang on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from accounts.models import Role, User
from crm import pipelines, scope

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from crm.querysets import Action

NOTHING = Q(pk__in=[])
EVERYTHING = Q()
# What the manufacturer took back: the partner keeps the record of its own work, but not the way to the client.
TAKEN_BACK = ("partner_lead:recalled", "partner_deal:recalled")
LEADS_NOT_HANDED_OVER = ("lead:new", "lead:needs_data", "lead:data_complete")


def restrict(queryset: Any, user: User | AnonymousUser, action: Action = "view") -> Any:
    """The rows of `queryset` with which `user` may do that; nothing for strangers and for those switched off."""
    if not isinstance(user, User) or not user.is_active:
        return queryset.none()
    rule = RULES[queryset.model._meta.label]
    allowed = rule(user, action)
    return queryset if allowed == EVERYTHING else queryset.filter(allowed)


def reaches(record: Any, user: Any, action: Action = "view") -> bool:
    """May `user` do that with a record just read? Its own columns nearly always tell; else the database is asked."""
    if not isinstance(user, User) or not user.is_active:
        return False
    told = _told_by(record, RULES[record._meta.label](user, action))
    if told is None:
        told = type(record)._default_manager.visible_to(user, action).filter(pk=record.pk).exists()
    return told


def _told_by(record: Any, rule: Any) -> bool | None:
    """Whether a rule holds for a record, or None where that takes more than the record's own columns."""
    if isinstance(rule, Exists):
        return None
    if isinstance(rule, tuple):
        return _column_told(record, *rule)
    told = {_told_by(record, part) for part in rule.children}
    settles = rule.connector == Q.OR
    if settles in told:
        holds = settles
    elif None in told:
        return None
    else:
        holds = not settles or not told
    return holds is not rule.negated


def _column_told(record: Any, lookup: str, wanted: Any) -> bool | None:
    name, _, how = lookup.partition("__")
    value = getattr(record, record._meta.pk.attname if name == "pk" else record._meta.get_field(name).attname)
    if how == "isnull":
        return (value is None) is wanted
    if how == "in" and isinstance(wanted, list | tuple):
        return value in wanted
    return value == wanted if not how and isinstance(wanted, int | str) else None


def may_see_partner_internals(user: User) -> bool:
    """Manufacturer's people see internal notes and files, a partner does not (PART-8)."""
    return user.role != Role.PARTNER


def tells_actions_apart(user: User) -> bool:
    """Is there for this person a difference between commenting, moving and changing a record?"""
    return user.role in {Role.PARTNER, Role.PARTNER_CONTROL}


def covered_user_ids(user: User) -> list[int]:
    """Whose own records count as the manager's: their own, and the team's where the team says so."""

    def read() -> list[int]:
        if user.team_id and user.team is not None and user.team.members_see_each_other:
            return list(User.objects.filter(team_id=user.team_id).values_list("pk", flat=True))
        return [user.pk]

    return scope.remember(f"covered:{user.pk}", read)


# -- leads and deals --------------------------------------------------------------------------------------------------


def waiting_for_control(record_type: str) -> Q:
    """Leads or deals of the manufacturer that came back from a partner and wait to be handed on (PART-4).

    They wait only until somebody moves them or hands them over: the hand-over keeps the moment at which the record
    entered the stage it came back to.
    """
    came_back = apps.get_model("partners.Handoff")._default_manager.filter(
        record_type=record_type,
        record_id=OuterRef("pk"),
        waiting_since__isnull=False,
        waiting_since=OuterRef("stage_entered_at"),
    )
    return Q(Exists(came_back.order_by()), partner__isnull=True, deleted_at__isnull=True)


def _lead_or_deal(user: User, action: Action, record_type: str) -> Q:
    match user.role:
        case Role.ADMINISTRATOR | Role.SALES_HEAD:
            return EVERYTHING
        case Role.SALES_MANAGER:
            owners = covered_user_ids(user) if action == "view" else [user.pk]
            return Q(responsible__in=owners, partner__isnull=True)
        case Role.PARTNER_CONTROL if action == "view":
            return Q(partner__isnull=False) | waiting_for_control(record_type)
        case Role.PARTNER_CONTROL if action != "change":
            return Q(partner__isnull=False)
        case Role.PARTNER if user.partner_id:
            return Q(partner=user.partner_id) & _partners_reach(action)
    return NOTHING


def _partners_reach(action: Action) -> Q:
    """What a partner may do with a record of its own: none with what was taken back, with a finished one only words."""
    match action:
        case "view":
            return EVERYTHING
        case "score":
            return NOTHING
        case "change":
            return Q(stage__in=[row.key for row in pipelines.all_stages() if row.is_open and row.pipeline.is_partner])
    return ~Q(stage__in=TAKEN_BACK)


def _lead(user: User, action: Action) -> Q:
    if user.role == Role.CALL_CENTER:
        return Q(stage__in=LEADS_NOT_HANDED_OVER, partner__isnull=True)
    return _lead_or_deal(user, action, "lead")


def _deal(user: User, action: Action) -> Q:
    return _lead_or_deal(user, action, "deal")


def _document(user: User, action: Action) -> Q:
    """The quotes, contracts and invoices of the deals a person sees: the manufacturer's are no partner's (DEAL-11)."""
    deals = apps.get_model("deals.Deal")._default_manager.filter(_deal(user, action), deleted_at__isnull=True)
    if user.is_partner:
        deals = deals.exclude(stage__in=TAKEN_BACK)
    return Q(deal__in=Subquery(deals.order_by().values("pk")))


def refusal(record: Any, user: User) -> str:
    """Why a person who sees the record may not do with it what they wanted."""
    is_partners = getattr(record, "partner_id", None) is not None
    if is_partners and user.is_partner and record.stage in TAKEN_BACK:
        return _("The manufacturer took this record back: it can only be read.")
    if is_partners and user.is_partner and not record.is_open:
        return _("This record is finished: notes can be written, but it is not changed any more.")
    if is_partners and user.role == Role.PARTNER_CONTROL:
        return _(
            "Of a partner's record you move the stage, write notes, enter the client's feedback, take it back and "
            "hand it on; its fields are changed by the partner."
        )
    return _("You may look at this record, but not change it.")


# -- contacts, companies, objects: their own, and those tied to visible leads and deals -------------------------------


def _tied(user: User, relation: str) -> Q:
    """Clients and objects of the leads and deals that a person sees.

    One list of both for a partner: from the few that are its own the database goes to their rows, where it would read
    all rows to ask each of them twice.
    """
    found = []
    for label, rule in (("leads.Lead", _lead), ("deals.Deal", _deal)):
        rows = apps.get_model(label)._default_manager.filter(
            rule(user, "view"), **{f"{relation}__isnull": False, "deleted_at__isnull": True}
        )
        if user.is_partner:
            rows = rows.exclude(stage__in=TAKEN_BACK)
        found.append(rows.order_by().values(f"{relation}_id"))
    if user.is_partner:
        return Q(pk__in=Subquery(found[0].union(found[1])))
    return Q(pk__in=Subquery(found[0])) | Q(pk__in=Subquery(found[1]))


def _client_rule(relation: str) -> Callable[[User, Action], Q]:
    def rule(user: User, action: Action) -> Q:
        match user.role:
            case Role.ADMINISTRATOR | Role.SALES_HEAD:
                return EVERYTHING
            case Role.SALES_MANAGER if action != "view":
                return Q(responsible=user.pk)
            case Role.SALES_MANAGER:
                return Q(responsible__in=covered_user_ids(user)) | _tied(user, relation)
            case Role.PARTNER_CONTROL | Role.PARTNER if action == "view":
                return _tied(user, relation)
        return NOTHING

    return rule


# -- what has owners of its own ---------------------------------------------------------------------------------------


def _activity(user: User, action: Action) -> Q:
    match user.role:
        case Role.ADMINISTRATOR | Role.SALES_HEAD:
            return EVERYTHING
        case Role.SALES_MANAGER if action != "view":
            return Q(responsible=user.pk)
        case Role.SALES_MANAGER:
            return Q(responsible__in=covered_user_ids(user)) | Q(created_by=user.pk) | _on_own_records(user)
        case Role.PARTNER if user.partner_id:
            return Q(responsible__in=people_where(partner=user.partner_id)) & ~on_taken_back(user)
        case Role.PARTNER_CONTROL if action == "view":
            return Q(responsible=user.pk) | Q(responsible__in=people_where(partner__isnull=False))
    return Q(responsible=user.pk)


def people_where(**of: Any) -> Subquery:
    """People by whom rows are told apart: a subquery, for a policy of the database cannot join (crm.row_security)."""
    return Subquery(User.objects.filter(**of).order_by().values("pk"))


def _on_own_records(user: User) -> Q:
    """Rows that hang on leads and deals of which the user is responsible."""
    found = NOTHING
    for record_type, label in (("lead", "leads.Lead"), ("deal", "deals.Deal")):
        rows = apps.get_model(label)._default_manager.filter(responsible=user.pk, deleted_at__isnull=True)
        found |= Q(record_type=record_type, record_id__in=Subquery(rows.order_by().values("pk")))
    return found


def on_taken_back(user: User) -> Q:
    """Rows that hang on what the manufacturer took back from the partner of the user."""
    found = NOTHING
    for record_type, label in (("lead", "leads.Lead"), ("deal", "deals.Deal")):
        rows = apps.get_model(label)._default_manager.filter(partner=user.partner_id, stage__in=TAKEN_BACK)
        found |= Q(record_type=record_type, record_id__in=Subquery(rows.order_by().values("pk")))
    return found


def _commission(user: User, action: Action) -> Q:
    """Lines of the commission ledger: a partner reads its own, those who control the partners all (PART-6)."""
    match user.role:
        case Role.ADMINISTRATOR | Role.SALES_HEAD | Role.PARTNER_CONTROL if action == "view":
            return EVERYTHING
        case Role.PARTNER if user.partner_id and action == "view":
            return Q(partner=user.partner_id)
    return NOTHING


RULES: dict[str, Callable[[User, Action], Q]] = {
    "leads.Lead": _lead,
    "deals.Deal": _deal,
    "deals.Document": _document,
    "crm.Contact": _client_rule("contact"),
    "crm.Company": _client_rule("company"),
    "objects_registry.ConstructionObject": _client_rule("object"),
    "crm.Activity": _activity,
    "partners.CommissionEntry": _commission,
}


def visible_record(record_type: str, record_id: int, user: User, action: Action = "view") -> Any:
    """One living record of a kind, or None where the user may not see it: the gate for what hangs on records."""
    from crm.models import RECORD_MODELS

    model = apps.get_model(RECORD_MODELS[record_type]) if record_type in RECORD_MODELS else None
    if model is None:
        return None
    return model._default_manager.visible_to(user, action).filter(pk=record_id, deleted_at__isnull=True).first()


def visible_references(queryset: QuerySet[Any], user: User) -> QuerySet[Any]:
    """Rows that hang on records (timeline, files, history), cut to those whose record the user may see."""
    from crm.models import RECORD_MODELS

    found = NOTHING
    for record_type, label in RECORD_MODELS.items():
        rows = apps.get_model(label)._default_manager.visible_to(user).order_by().values("pk")
        found |= Q(record_type=record_type, record_id__in=Subquery(rows))
    return readable_by(queryset.filter(found), user)


# Who wrote a row that hangs on a record.
AUTHORS = {
    "crm.TimelineEntry": "actor_user",
    "crm.StageHistory": "actor_user",
    "crm.Change": "actor_user",
    "crm.Attachment": "uploaded_by",
    "communications.Message": "created_by",
    "communications.Call": "user",
}
OWN_TYPES = ("lead", "deal")
# What a partner still reads on a record that was taken back, beside the notes of its own people.
LEFT_AFTER_RECALL = ("created", "stage", "taken_back")


def readable_by(queryset: QuerySet[Any], user: User) -> QuerySet[Any]:
    """Of rows that hang on records the user may see, those that this user may read.

    Everybody of the manufacturer reads all. A partner reads nothing internal, and on clients and objects, which it
    shares with the manufacturer and perhaps with other partners, only what its own people wrote; of an object also
    the manufacturer's files, because it builds by them. Of a record that was taken back it reads the stages and its
    own notes.
    """
    if not user.is_partner:
        return queryset
    label = queryset.model._meta.label
    if any(field.name == "is_internal" for field in queryset.model._meta.concrete_fields):
        queryset = queryset.filter(is_internal=False)
    allowed = Q(record_type__in=OWN_TYPES)
    if author := AUTHORS.get(label):
        allowed |= Q(**{f"{author}__in": people_where(partner=user.partner_id)})
    if label == "crm.Attachment":
        own = Q(uploaded_by__isnull=True) | Q(uploaded_by__in=people_where(partner__isnull=True))
        allowed |= Q(own, record_type="object")
    if label == "crm.StageHistory":
        return queryset.filter(allowed)
    left = ~on_taken_back(user)
    if label == "crm.TimelineEntry":
        left |= Q(action__in=LEFT_AFTER_RECALL) | Q(action="note", actor_user__in=people_where(partner=user.partner_id))
    return queryset.filter(allowed).filter(left)
