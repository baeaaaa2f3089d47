"""Who is who: whom a person may make responsible, and the accounts they administer."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.models import Partner, Role, User

RESPONSIBLE_ROLES = (Role.SALES_MANAGER, Role.SALES_HEAD, Role.ADMINISTRATOR)


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
