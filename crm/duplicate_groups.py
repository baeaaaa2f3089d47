"""The groups of possible duplicates that the last search found, as the page and the API show them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy

from accounts.models import User
from crm import normalize
from crm.models import DuplicateGroup, DuplicateMember, record_model

REASONS: dict[str, Any] = {
    "phone": gettext_lazy("same phone %(value)s"),
    "email": gettext_lazy("same e-mail %(value)s"),
    "inn": gettext_lazy("same INN %(value)s"),
    "name": gettext_lazy("similar name"),
    "company": gettext_lazy("similar name of the company"),
    "building": gettext_lazy("the same building by size, place and purpose"),
}


def reason_texts(reasons: list[list[str]]) -> list[str]:
    """The reasons of a group in the reader's words, each once."""
    shown = []
    for code, value in reasons:
        told = normalize.format_phone(value) if code == "phone" else value
        shown.append(str(REASONS.get(code, code)) % {"value": told})
    return list(dict.fromkeys(shown))


def has_types(record_type: str) -> bool:
    """Contacts and companies have a type (client, supplier ...) by which their groups can be cut (LEAD-16)."""
    return any(column.name == "client_type" for column in record_model(record_type)._meta.concrete_fields)


def groups_of(record_type: str, user: User, *, sure: bool = False, client_type: str = "") -> Any:
    """Groups of the last search of which at least two records still live apart, the surest and largest first.

    With `client_type` those with a record of that type: one that is kept twice as two types is an error as well.
    """
    known: Any = record_model(record_type)._default_manager
    alive = known.visible_to(user).alive().order_by().values("pk")
    rows = DuplicateGroup.objects.filter(record_type=record_type, is_dismissed=False)
    rows = rows.annotate(living=Count("members", filter=Q(members__member_id__in=alive))).filter(living__gt=1)
    if client_type and has_types(record_type):
        typed = DuplicateMember.objects.filter(member_id__in=alive.filter(client_type=client_type))
        rows = rows.filter(pk__in=typed.values("group"))
    return (rows.filter(is_sure=True) if sure else rows).order_by("-is_sure", "-living", "id")


def with_records(groups: Any, record_type: str, user: User) -> list[dict[str, Any]]:
    """The groups of a page with their living records, in two queries."""
    rows = list(groups)
    members = DuplicateMember.objects.filter(group__in=rows).order_by("member_id").values_list("group_id", "member_id")
    by_group: dict[int, list[int]] = {}
    for group_id, member_id in members:
        by_group.setdefault(group_id, []).append(member_id)
    ids = {pk for found in by_group.values() for pk in found}
    known: Any = record_model(record_type)._default_manager
    records = known.visible_to(user).alive().select_related("responsible").in_bulk(ids)
    return [
        {
            "group": group,
            "reasons": reason_texts(group.reasons),
            "records": [records[pk] for pk in by_group.get(group.pk, []) if pk in records],
        }
        for group in rows
    ]
