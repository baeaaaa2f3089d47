"""«My day»: what is late, what is due today, whom nobody has taken up, where no next step is planned.

Each section is cut by the very query string that its counter links to, through the list's own filter: the number and
the list cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from accounts.models import Role, User
from crm import stages
from crm.filters import ActivityFilter
from crm.models import Activity, RecordType, record_model
from crm.task_rows import client_name, phone_of, rows_with_records
from deals.filters import DealFilter
from leads.filters import LeadFilter
from partners.stages import FEEDBACK, PARTNER_DEAL
from web import counters, menu

ROWS = 8
FILTERS: dict[str, Any] = {RecordType.LEAD: LeadFilter, RecordType.DEAL: DealFilter}


@dataclass
class Section:
    """One part of the page: a counter, the list behind it and its first rows."""

    code: str
    title: str
    icon: str
    tone: str
    url: str
    rows: Any
    is_tasks: bool
    empty: str
    count: int = 0
    items: list[Any] = field(default_factory=list)

    @property
    def rest(self) -> int:
        """How many more the list has."""
        return max(0, self.count - len(self.items))


def sections(request: HttpRequest, *, everybody: bool = False) -> list[Section]:
    """The page's sections with counters (one query for all) and first rows."""
    made = counted(request, everybody=everybody)
    for section in made:
        if section.count and not section.is_tasks:
            section.items = first_records(section)
    user: Any = request.user
    _fill_tasks([section for section in made if section.count and section.is_tasks], user)
    return made


def counted(request: HttpRequest, *, everybody: bool = False) -> list[Section]:
    """The sections with their counters alone."""
    user: Any = request.user
    made = [*_task_sections(request, user, everybody), *_record_sections(request, user, everybody)]
    counts = counters.count_all(user, {section.code: section.rows for section in made})
    for section in made:
        section.count = counts[section.code]
    return made


def may_look_around(user: User) -> bool:
    """Heads may see everybody's day."""
    return user.is_head


def _fill_tasks(wanted: list[Section], user: User) -> None:
    """The first tasks of all sections, with their records read together."""
    found = [list(item.rows.select_related("responsible").order_by("due_at", "id")[:ROWS]) for item in wanted]
    rows = iter(rows_with_records([task for tasks in found for task in tasks], user))
    for section, tasks in zip(wanted, found, strict=True):
        section.items = list(islice(rows, len(tasks)))


def first_records(section: Section) -> list[dict[str, Any]]:
    """The first records of a section, with whom they are about and since when they stand where they stand."""
    rows = section.rows.select_related("responsible", "contact", "company").defer("request_text", "search_text")
    order = "created_at" if section.code.startswith("new") else "last_activity_at"
    return [
        {
            "record": row,
            "url": row.get_absolute_url(),
            "client": client_name(row) or getattr(row, "name", ""),
            "phone": phone_of(row),
            "stage": row.stage_row,
            "since": row.stage_entered_at,
            "next_url": menu.address("web:next-step", row.RECORD_TYPE, row.pk),
            "who_url": menu.address("lead-link", row.pk) if _is_strangers(row) else "",
        }
        for row in rows.order_by(order, "id")[:ROWS]
    ]


def _is_strangers(row: Any) -> bool:
    """A lead of the manufacturer's of whom nobody has said yet which client it is (LEAD-12)."""
    return row.RECORD_TYPE == RecordType.LEAD and not (row.contact_id or row.company_id or row.partner_id)


def _task_sections(request: HttpRequest, user: User, everybody: bool) -> list[Section]:
    made = []
    for code, state, title, icon, tone, empty in (
        ("overdue", "overdue", _("Overdue"), "clock-exclamation", "bad", _("Nothing is late.")),
        ("today", "later_today", _("Today"), "calendar-due", "", _("Nothing more is planned for today.")),
    ):
        query = QueryDict(mutable=True)
        query["state"] = state
        if not everybody:
            query["responsible"] = str(user.pk)
        rows = ActivityFilter(query, Activity.objects.all().visible_to(user), request=request).qs
        url = f"{menu.address('task-list')}?{query.urlencode()}"
        made.append(Section(code, title, icon, tone, url, rows, True, empty))
    return made


def _record_sections(request: HttpRequest, user: User, everybody: bool) -> list[Section]:
    mine = not everybody and user.role not in {Role.CALL_CENTER, Role.PARTNER_CONTROL}
    wanted: list[tuple[str, str, dict[str, Any], str, str, str]] = []
    fresh = _fresh_stages(user)
    # A hand-over sets the partner a task at once; what waits in the start stage is new to the partner all the same.
    untouched = {} if user.role == Role.PARTNER else {"next_step": "none"}
    if fresh["lead"]:
        query = {"stage": fresh["lead"], **untouched}
        wanted.append(("new_leads", "lead", query, _("New leads"), "inbox", _("Every new lead has been taken up.")))
    if fresh["deal"]:
        query = {"stage": fresh["deal"], **untouched}
        wanted.append(("new_deals", "deal", query, _("New deals"), "inbox", _("Every new deal has been taken up.")))
    if user.role == Role.PARTNER_CONTROL:
        wanted += _control_sections(user)
    elif user.role != Role.CALL_CENTER:
        idle = {"pipeline": _pipelines("deal", user), "next_step": "none"}
        title, empty = _("Deals without a next step"), _("Every open deal has a next step.")
        wanted.append(("idle_deals", "deal", idle, title, "alert-circle", empty))
    return [
        _record_section(request, user, code, kind, {**query, **_whose(user, code, mine)}, title, icon, empty)
        for code, kind, query, title, icon, empty in wanted
    ]


def _whose(user: User, code: str, mine: bool) -> dict[str, str]:
    """The cut to one's own records; a partner's new ones are anybody's of the partner, as its menu counts them."""
    return {"mine": "true"} if mine and not (user.role == Role.PARTNER and code.startswith("new")) else {}


def _control_sections(user: User) -> list[tuple[str, str, dict[str, Any], str, str, str]]:
    """What whoever controls the partners acts on: clients to ask for their scores (PART-5), and what is late."""
    asked = {"stage": f"{PARTNER_DEAL}:{FEEDBACK}"}
    late = {kind: {"pipeline": _pipelines(kind, user), "norm_exceeded": "true"} for kind in ("deal", "lead")}
    empty = _("No partner is late.")
    return [
        ("feedback", "deal", asked, _("Ask the client for feedback"), "star", _("No client waits for our call.")),
        ("late_deals", "deal", late["deal"], _("Partners' deals over the norm"), "hourglass", empty),
        ("late_leads", "lead", late["lead"], _("Partners' leads over the norm"), "hourglass", empty),
    ]


def _record_section(
    request: HttpRequest, user: User, code: str, kind: str, wanted: dict[str, Any], title: str, icon: str, empty: str
) -> Section:
    query = QueryDict(mutable=True)
    for name, value in wanted.items():
        query.setlist(name, list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value])
    manager: Any = record_model(kind)._default_manager
    rows = FILTERS[kind](query, manager.visible_to(user).alive(), request=request).qs
    url = f"{menu.address(f'{kind}-list')}?{query.urlencode()}"
    return Section(code, title, icon, "warned" if "idle" in code or "late" in code else "", url, rows, False, empty)


def _pipelines(kind: str, user: User) -> list[str]:
    """The pipelines of the person's own side; a head is asked about the company's, not about the partners'."""
    offered = stages.visible_pipelines(kind, user)
    own = [pipeline.code for pipeline in offered if not pipeline.is_partner]
    return own or [pipeline.code for pipeline in offered]


def _fresh_stages(user: User) -> dict[str, list[str]]:
    """Where a record stands that nobody has taken up yet."""
    match user.role:
        case Role.PARTNER:
            return {"lead": counters.start_stages("lead", user), "deal": counters.start_stages("deal", user)}
        case Role.PARTNER_CONTROL:
            return {"lead": [], "deal": []}
        case Role.SALES_MANAGER:
            return {"lead": ["lead:new", "lead:handed_over"], "deal": []}
    return {"lead": ["lead:new", "lead:needs_data"], "deal": []}
