"""The main menu by role: what a person works with, in the order of their day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.models import Role, User
from analytics.reports.registry import REPORTS

SALES = frozenset({Role.ADMINISTRATOR, Role.SALES_HEAD, Role.SALES_MANAGER})
HEADS = frozenset({Role.ADMINISTRATOR, Role.SALES_HEAD})
CONTROL = HEADS | {Role.PARTNER_CONTROL}
CLIENTS = SALES | {Role.PARTNER_CONTROL, Role.PARTNER}
RECORDS = CLIENTS | {Role.CALL_CENTER}
EVERYBODY = frozenset(Role.values)


@dataclass(frozen=True)
class Entry:
    """A line of the menu: `name` is the URL, `root` the path under which it is the present one."""

    label: Any
    name: str
    icon: str
    roles: frozenset[str]
    root: str
    short: Any = ""
    badge: str = ""
    tone: str = ""
    key: str = ""
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heading:
    """A heading over the lines that follow."""

    label: Any
    roles: frozenset[str]


PARTNER = frozenset({Role.PARTNER})
# Heads have it among the settings.
MANAGERS = frozenset({Role.SALES_MANAGER})
MENU: tuple[Entry | Heading, ...] = (
    Entry(gettext_lazy("My day"), "web:home", "checklist", EVERYBODY - PARTNER, "/", badge="overdue", tone="red"),
    Entry(
        gettext_lazy("Figures"), "analytics:dashboard", "layout-dashboard", EVERYBODY - PARTNER, "/reports/dashboard/",
    ),
    Heading(gettext_lazy("Requests"), PARTNER),
    Entry(
        gettext_lazy("New"), "partner-cabinet", "inbox", PARTNER, "/cabinet/new/", badge="received", args=("new",),
    ),
    Entry(
        pgettext_lazy("requests", "In work"), "partner-cabinet", "progress", PARTNER, "/cabinet/work/", args=("work",),
        short=pgettext_lazy("requests", "In work"),
    ),
    Entry(pgettext_lazy("requests", "Closed"), "partner-cabinet", "archive", PARTNER, "/cabinet/closed/",
        args=("closed",),
    ),
    Entry(gettext_lazy("Commission"), "cabinet-commission", "coins", PARTNER, "/cabinet/commission/"),
    Entry(gettext_lazy("My day"), "web:home", "checklist", PARTNER, "/", badge="overdue", tone="red"),
    Entry(gettext_lazy("Figures"), "analytics:dashboard", "layout-dashboard", PARTNER, "/reports/dashboard/"),
    Heading(gettext_lazy("Sales"), RECORDS),
    Entry(gettext_lazy("Leads"), "lead-board", "filter", RECORDS, "/leads/", badge="new_leads", key="KeyL"),
    Entry(gettext_lazy("Deals"), "deal-board", "briefcase", CLIENTS, "/deals/", key="KeyD"),
    Entry(gettext_lazy("Documents"), "document-list", "file-invoice", SALES, "/documents/"),
    Entry(gettext_lazy("Tasks"), "task-list", "clipboard-check", EVERYBODY, "/tasks/"),
    Entry(gettext_lazy("Calendar"), "task-calendar", "calendar-event", EVERYBODY, "/calendar/"),
    Entry(gettext_lazy("Robots' plans"), "robots-planned", "robot", MANAGERS, "/robots/planned/"),
    Heading(gettext_lazy("Clients and objects"), CLIENTS),
    Entry(gettext_lazy("Contacts"), "contact-list", "users", CLIENTS, "/contacts/", key="KeyC"),
    Entry(gettext_lazy("Companies"), "company-list", "building", CLIENTS, "/companies/"),
    Entry(gettext_lazy("Objects"), "object-list", "building-warehouse", CLIENTS, "/objects/", key="KeyO"),
    Heading(gettext_lazy("Partners"), CONTROL),
    Entry(gettext_lazy("Partners' records"), "partner-control", "list-details", CONTROL, "/partners/control/"),
    Entry(
        gettext_lazy("To hand over"), "partner-waiting", "transfer", frozenset({Role.PARTNER_CONTROL}),
        "/partners/to-hand-over/", badge="to_hand_over", tone="orange",
    ),
    Entry(gettext_lazy("Registry of partners"), "partner-list", "heart-handshake", CONTROL, "/partners/"),
    Heading(gettext_lazy("Reports"), CLIENTS),
    Entry(gettext_lazy("Funnel"), "analytics:funnel", "chart-funnel", CLIENTS, "/reports/funnel/"),
    Entry(gettext_lazy("Refusals"), "analytics:refusals", "chart-bar", CLIENTS, "/reports/refusals/"),
    *(
        Entry(report.name, f"analytics:{report.code}", report.icon, report.roles, f"/reports/{report.code}/")
        for report in REPORTS
    ),
    Heading(gettext_lazy("Company"), HEADS),
    Entry(
        gettext_lazy("Settings"), "settings-home", "settings", HEADS, "/settings/", badge="attention", tone="orange",
    ),
)  # fmt: skip


def menu_of(user: User, path: str, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """The lines of the menu that the person has, with the present one marked and the counters filled in."""
    lines = list(_lines(user, counts))
    present = max(
        (line for line in lines if "root" in line and _is_under(path, line["root"])),
        key=lambda line: len(line["root"]),
        default=None,
    )
    if present is not None:
        present["active"] = True
    return _without_empty_headings(lines)


def _is_under(path: str, root: str) -> bool:
    return path == root or (root != "/" and path.startswith(root))


def _lines(user: User, counts: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for item in MENU:
        if user.role not in item.roles:
            continue
        if isinstance(item, Heading):
            yield {"heading": item.label}
        elif url := address(item.name, *item.args):
            yield {
                "label": item.label,
                "short": item.short,
                "url": url,
                "icon": item.icon,
                "badge": counts.get(item.badge, 0),
                "badge_tone": item.tone,
                "root": item.root,
                "key": item.key,
            }


def _without_empty_headings(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    after = [*lines[1:], {"heading": ""}]
    return [line for line, following in zip(lines, after, strict=True) if "url" in line or "url" in following]


def address(name: str, *args: Any) -> str:
    """The address of a named page; nothing where the page is not served (an app may be left out)."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def bottom_menu(user: User, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The four things a person needs at hand on a phone."""
    wanted: dict[str, tuple[str, ...]] = {
        Role.PARTNER: ("/cabinet/new/", "/cabinet/work/", "/", "/tasks/"),
        Role.CALL_CENTER: ("/", "/leads/", "/tasks/"),
        Role.PARTNER_CONTROL: ("/", "/partners/control/", "/partners/to-hand-over/", "/tasks/"),
    }
    roots = wanted.get(user.role, ("/", "/leads/", "/deals/", "/tasks/"))
    by_root = {line["root"]: line for line in lines if "root" in line}
    return [by_root[root] for root in roots if root in by_root]


@dataclass(frozen=True)
class Maker:
    """Something that can be created from any page."""

    label: Any
    name: str
    icon: str
    roles: frozenset[str]
    dialog: bool = True


QUICK: tuple[Maker, ...] = (
    Maker(gettext_lazy("Lead"), "lead-create", "filter", SALES | {Role.CALL_CENTER, Role.PARTNER}),
    Maker(gettext_lazy("Deal"), "deal-create", "briefcase", SALES | {Role.PARTNER}),
    Maker(gettext_lazy("Contact"), "contact-create", "user", SALES),
    Maker(gettext_lazy("Company"), "company-create", "building", SALES),
    Maker(gettext_lazy("Construction object"), "object-create", "building-warehouse", SALES),
)


def quick_create(user: User) -> list[dict[str, Any]]:
    """What the person may create, for the "Create" button and the palette."""
    return [
        {"label": item.label, "url": url, "icon": item.icon, "dialog": item.dialog, "key": ""}
        for item in QUICK
        if user.role in item.roles and (url := address(item.name))
    ]


def commands(user: User) -> list[dict[str, Any]]:
    """The palette's actions: every page of the menu and everything that can be created."""
    made = [
        {"url": item["url"], "title": _("Create: %(what)s") % {"what": item["label"]}, "icon": "plus", "note": ""}
        for item in quick_create(user)
    ]
    pages = [
        {"url": line["url"], "title": str(line["label"]), "icon": line["icon"], "note": ""}
        for line in _lines(user, {})
        if "url" in line
    ]
    return [*pages, *made]
