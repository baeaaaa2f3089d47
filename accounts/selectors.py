"""Who is who: the head who answers for what has no owner, and whom a person may make responsible."""

from __future__ import annotations

from django.apps import apps
from django.db.models import Q, QuerySet

from accounts.models import Partner, Role, User

RESPONSIBLE_ROLES = (Role.SALES_MANAGER, Role.SALES_HEAD, Role.ADMINISTRATOR)
SALES_HEAD_SETTING = "sales_head"


def sales_head() -> User | None:
    """The person to whom unowned work goes: the one named in the settings, else the first active sales head.

    A company that has no sales head yet has its first administrator do it.
    """
    active = User.objects.filter(is_active=True, partner__isnull=True)
    heads = active.filter(role__in=[Role.SALES_HEAD, Role.ADMINISTRATOR])
    chosen = apps.get_model("crm.Preference")._default_manager.filter(key=SALES_HEAD_SETTING)
    named = chosen.values_list("value", flat=True).first()
    if named and (person := heads.filter(pk=named).first()):
        return person
    first = heads.filter(role=Role.SALES_HEAD).order_by("pk").first()
    return first or heads.order_by("pk").first()


def assignable_users(user: User, partner: Partner | None = None) -> QuerySet[User]:
    """The active people whom `user` may make responsible; with `partner` those of that partner.

    A partner's user chooses among colleagues alone, whatever partner is asked for.
    """
    if not user.is_active:
        return User.objects.none()
    people = User.objects.filter(is_active=True)
    if user.is_partner:
        return people.filter(partner=user.partner_id)
    if partner is not None:
        return people.filter(partner=partner)
    return people.filter(partner__isnull=True, role__in=RESPONSIBLE_ROLES)


def manageable_users(user: User) -> QuerySet[User]:
    """The accounts that `user` administers: all of them for administrators, nobody's for others."""
    rows = User.objects.select_related("team", "partner")
    return rows if user.is_active and user.is_administrator else rows.none()


def found_users(users: QuerySet[User], query: str) -> QuerySet[User]:
    """The users whose name or e-mail begins with the text, in any of the letter cases people type."""
    text = query.replace("\x00", "").strip()
    if not text:
        return users
    starts = Q()
    # SQLite compares letters other than Latin case-sensitively, hence the spellings.
    for spelling in {text, text.lower(), text.capitalize(), text.title()}:
        starts |= Q(last_name__startswith=spelling) | Q(first_name__startswith=spelling)
    return users.filter(starts | Q(email__startswith=text.lower()))
