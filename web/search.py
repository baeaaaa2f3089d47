"""Global search: five kinds of record through `visible_to`, by name, INN, any part of a phone, size and place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Role, User
from crm import normalize
from crm.identification import callers_for
from crm.keys import key_in
from crm.models import ClientType, RecordType, record_model
from crm.phone_search import KnownCaller
from crm.templatetags.ui import money, phone
from web import menu

KINDS = (
    (RecordType.CONTACT, "user"),
    (RecordType.COMPANY, "building"),
    (RecordType.LEAD, "filter"),
    (RecordType.DEAL, "briefcase"),
    (RecordType.OBJECT, "building-warehouse"),
)
# From so many letters on the palette names people.
SHORTEST_NAME = 3
TYPED = frozenset({RecordType.CONTACT, RecordType.COMPANY})
# Large columns that a line of results does not show.
HEAVY = ("request_text", "search_text", "comment", "notes", "referrer", "landing_page", "click_ids")


@dataclass
class Group:
    """What was found of one kind."""

    record_type: str
    label: str
    items: list[dict[str, Any]]
    more_url: str = ""


@dataclass
class Found:
    """The answer to a query."""

    query: str
    groups: list[Group] = field(default_factory=list)
    callers: list[KnownCaller] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(len(group.items) for group in self.groups) + len(self.callers)


def search(user: User, query: str, *, limit: int = 10, client_type: str = "") -> Found:
    """Everything of the five kinds that the person may see and that fits the query; one query per kind.

    With `client_type` (supplier, contractor ...) only contacts and companies of that type (LEAD-16).

    A text typed in the wrong keyboard layout is looked for in both. A call-centre operator who types a phone learns
    of a client outside the leads only the name and the responsible.
    """
    text = query.replace("\x00", "").strip()[:200]
    found = Found(text)
    if not text:
        return found
    labels = {
        RecordType.CONTACT: _("Contacts"),
        RecordType.COMPANY: _("Companies"),
        RecordType.LEAD: _("Leads"),
        RecordType.DEAL: _("Deals"),
        RecordType.OBJECT: _("Objects"),
    }
    condition = _condition(text)
    if condition is not None:
        for record_type, icon in KINDS:
            if client_type and record_type not in TYPED:
                continue
            typed = Q(client_type=client_type) if client_type else Q()
            rows = _rows(user, record_type, condition & typed)
            items = [_item(row, icon) for row in rows[: limit + 1]]
            more = _list_url(record_type, text, client_type) if len(items) > limit else ""
            if items:
                found.groups.append(Group(record_type, labels[record_type], items[:limit], more))
    found.callers = [] if client_type else callers_for(text, by=user)
    return found


def _condition(text: str) -> Q | None:
    """Every word in the search column, as typed or in the other layout; or the record's own number."""
    condition: Q | None = None
    for terms in normalize.search_variants(text):
        words = Q()
        for term in terms:
            words &= Q(search_text__contains=term)
        condition = words if condition is None else condition | words
    number = key_in(text.lstrip("#№").strip())
    if number is not None:
        own = Q(pk=number)
        condition = own if condition is None else condition | own
    return condition


def _rows(user: User, record_type: str, condition: Q) -> Any:
    model = record_model(record_type)
    manager: Any = model._default_manager
    names = {column.name for column in model._meta.concrete_fields}
    rows = manager.visible_to(user).alive().filter(condition).defer(*(name for name in HEAVY if name in names))
    related = [name for name in ("responsible", "contact", "company") if name in names]
    return rows.select_related(*related).order_by("-last_activity_at", "-pk")


def _item(row: Any, icon: str) -> dict[str, Any]:
    """One line of results, as the palette and the page show it."""
    parts = [row.stage_row.name]
    if getattr(row, "client_type", ClientType.CLIENT) != ClientType.CLIENT:
        parts.insert(0, row.get_client_type_display())
    parts.extend(str(getattr(row, name)) for name in ("contact", "company") if getattr(row, f"{name}_id", None))
    if getattr(row, "inn", ""):
        parts.append(_("INN %(number)s") % {"number": row.inn})
    parts.append(phone(getattr(row, "phone", "")))
    parts.append(money(getattr(row, "amount", None)))
    parts.append(getattr(row, "city", ""))
    return {
        "url": row.get_absolute_url(),
        "title": str(row),
        "note": " · ".join(part for part in dict.fromkeys(parts) if part),
        "icon": icon,
        "id": row.pk,
        "stage": row.stage_row,
        "responsible": row.responsible,
    }


def _list_url(record_type: str, text: str, client_type: str = "") -> str:
    from django.http import QueryDict

    url = menu.address(f"{record_type}-list")
    if not url:
        return ""
    query = QueryDict(mutable=True)
    query["search"] = text
    query["pipeline"] = "all"
    if client_type:
        query["client_type"] = client_type
    return f"{url}?{query.urlencode()}"


def palette(user: User, query: str) -> list[dict[str, Any]]:
    """The palette's groups: pages and actions by their names, records by what was typed."""
    text = query.strip().lower()
    wanted = {text, normalize.swap_layout(text)} if text else set()
    actions = [
        item
        for item in menu.commands(user)
        if not wanted or any(word in str(item["title"]).lower() for word in wanted if word)
    ]
    if not text:
        return [{"label": _("Go to"), "items": actions}]
    found = search(user, query, limit=5)
    groups: list[dict[str, Any]] = [{"label": group.label, "items": group.items} for group in found.groups]
    if found.callers:
        url = f"{menu.address('web:search')}?q={text}"
        items = [
            {"url": url, "title": caller.name, "note": str(caller.responsible or ""), "icon": "phone"}
            for caller in found.callers
        ]
        groups.append({"label": _("Known clients"), "items": items})
    if people := _people(user, wanted):
        groups.append({"label": _("People"), "items": people})
    if actions:
        groups.append({"label": _("Pages and actions"), "items": actions[:6]})
    return groups


def _people(user: User, wanted: set[str]) -> list[dict[str, Any]]:
    """Colleagues whose work a head may give away, by name; those who left as well, for then it is needed most."""
    words = {_plain(word) for word in wanted if len(word) >= SHORTEST_NAME}
    if not user.is_head or not words:
        return []
    rows = User.objects.exclude(role=Role.PARTNER).order_by("last_name", "first_name", "pk")
    found = [row for row in rows if any(word in _plain(row.full_name) for word in words)]
    url = menu.address("settings-work")
    return [
        {
            "url": f"{url}?person={row.pk}",
            "title": _("Hand over the work of %(name)s") % {"name": row.full_name},
            "note": "" if row.is_active else _("switched off"),
            "icon": "user-share",
        }
        for row in found[:3]
    ]


def _plain(text: str) -> str:
    return text.casefold().replace("ё", "е")
