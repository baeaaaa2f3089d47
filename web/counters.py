"""Numbers on the menu and on "my day": each counts exactly the rows of the list that it opens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import IntegerField, QuerySet, Subquery

from accounts.models import Role, User
from crm import clock, notices, pipelines, stages
from crm.models import Activity, RecordType, record_model
from crm.prepared import MOMENT, NUMBER, Prepared
from crm.visibility import covered_user_ids


class CountOf(Subquery):
    """The number of rows of a queryset as a column, so that many counts travel in one query."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def count_all(user: User, querysets: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """All the counts in one query."""
    if not querysets:
        return {}
    found = _counting(user, querysets).first() or {}
    return {name: found.get(f"n_{name}", 0) for name in querysets}


def _counting(user: User, querysets: Mapping[str, QuerySet[Any]]) -> QuerySet[Any]:
    """One row with all the counts, in their order."""
    columns = {f"n_{name}": CountOf(rows.order_by().values("pk")) for name, rows in querysets.items()}
    return User.objects.filter(pk=user.pk).order_by().annotate(**columns).values(*columns)


def start_stages(record_type: str, user: User) -> list[str]:
    """The keys of the stages in which the person's new records wait to be taken up."""
    offered = [pipeline.code for pipeline in stages.visible_pipelines(record_type, user)]
    return [stage.key for stage in pipelines.all_stages() if stage.is_start and stage.pipeline_id in offered]


def shell_querysets(user: User, now: datetime) -> dict[str, QuerySet[Any]]:
    """What the menu counts for this person."""
    tasks = Activity.objects.all().visible_to(user).undone()
    wanted: dict[str, QuerySet[Any]] = {
        "unread": notices.bell(user).filter(read_at__isnull=True),
        "overdue": tasks.filter(responsible=user.pk, due_at__lt=now),
    }
    lead: Any = record_model(RecordType.LEAD)._default_manager
    if user.role == Role.PARTNER:
        deal: Any = record_model(RecordType.DEAL)._default_manager
        wanted["received"] = lead.visible_to(user).alive().filter(stage__in=start_stages("lead", user))
        wanted["received_deals"] = deal.visible_to(user).alive().filter(stage__in=start_stages("deal", user))
    elif user.role == Role.PARTNER_CONTROL:
        # Of the manufacturer's own records control sees those alone that wait to be handed on.
        for kind in ("lead", "deal"):
            rows: Any = record_model(kind)._default_manager
            wanted[f"to_hand_over_{kind}"] = rows.visible_to(user).alive().filter(partner__isnull=True)
    else:
        # New leads of the company; a manager sees here those given to them and not yet taken up.
        wanted["new_leads"] = lead.visible_to(user).alive().filter(pipeline="lead", stage="lead:new")
    if user.is_head:
        submission = apps.get_model("communications.Submission")._default_manager
        wanted["attention"] = submission.filter(state="failed")
    return wanted


def shell_counts(user: User) -> dict[str, int]:
    """The numbers of the menu and the bell; one query."""
    counts = _ready_counts(user) if covered_user_ids(user) == [user.pk] else count_all(user, _now_counted(user))
    return as_shown(counts)


def as_shown(counts: dict[str, int]) -> dict[str, int]:
    """One number where leads and deals are counted apart and shown together."""
    counts["received"] = counts.get("received", 0) + counts.pop("received_deals", 0)
    counts["to_hand_over"] = counts.pop("to_hand_over_lead", 0) + counts.pop("to_hand_over_deal", 0)
    return counts


def _now_counted(user: User) -> dict[str, QuerySet[Any]]:
    return shell_querysets(user, clock.now())


# Every page counts, and the query is always the same for a role: it is composed once, for a person whose keys are
# marks. Whoever sees the records of a whole team has a query of their own.
_ready: dict[tuple[Any, ...], tuple[list[str], Prepared[Any]]] = {}


def _ready_counts(user: User) -> dict[str, int]:
    key: tuple[Any, ...] = (user.role,)
    if user.role == Role.PARTNER:
        key += (*start_stages("lead", user), *start_stages("deal", user))
    if key not in _ready:
        _ready[key] = _composed(user.role)
    names, query = _ready[key]
    found = query.raw(user.pk, user.partner_id, clock.now())
    return dict(zip(names, found[0], strict=True)) if found else dict.fromkeys(names, 0)


def _composed(role: str) -> tuple[list[str], Prepared[Any]]:
    def build(pk: int, partner_id: int, now: datetime) -> QuerySet[Any]:
        anybody = User(pk=pk, role=role, partner_id=partner_id if role == Role.PARTNER else None)
        return _counting(anybody, shell_querysets(anybody, now))

    anybody = User(pk=NUMBER, role=role, partner_id=NUMBER)
    return list(shell_querysets(anybody, MOMENT)), Prepared(build, NUMBER, NUMBER, MOMENT)
