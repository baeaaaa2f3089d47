"""Numbers on the menu and on "my day": each counts exactly the rows of the list that it opens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.db.models import IntegerField, QuerySet, Subquery

from accounts.models import Role, User
from crm import pipelines, stages
from crm.models import Activity, Notification, RecordType, record_model


class CountOf(Subquery):
    """The number of rows of a queryset as a column, so that many counts travel in one query."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def count_all(user: User, querysets: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """All the counts in one query."""
    if not querysets:
        return {}
    columns = {f"n_{name}": CountOf(rows.order_by().values("pk")) for name, rows in querysets.items()}
    found = User.objects.filter(pk=user.pk).annotate(**columns).values(*columns).first() or {}
    return {name: found.get(f"n_{name}", 0) for name in querysets}


def start_stages(record_type: str, user: User) -> list[str]:
    """The keys of the stages in which the person's new records wait to be taken up."""
    offered = [pipeline.code for pipeline in stages.visible_pipelines(record_type, user)]
    return [stage.key for stage in pipelines.all_stages() if stage.is_start and stage.pipeline_id in offered]


def shell_querysets(user: User) -> dict[str, QuerySet[Any]]:
    """What the menu counts for this person."""
    wanted: dict[str, QuerySet[Any]] = {
        "unread": Notification.objects.filter(user=user, read_at__isnull=True),
        "overdue": Activity.objects.all().visible_to(user).overdue().filter(responsible=user),
    }
    lead: Any = record_model(RecordType.LEAD)._default_manager
    if user.role == Role.PARTNER:
        deal: Any = record_model(RecordType.DEAL)._default_manager
        wanted["received"] = lead.visible_to(user).alive().filter(stage__in=start_stages("lead", user))
        wanted["received_deals"] = deal.visible_to(user).alive().filter(stage__in=start_stages("deal", user))
    elif user.role != Role.PARTNER_CONTROL:
        # New leads of the company; a manager sees here those given to them and not yet taken up.
        wanted["new_leads"] = lead.visible_to(user).alive().filter(stage__in=["lead:new"])
    if user.is_head:
        submission = apps.get_model("communications.Submission")._default_manager
        wanted["attention"] = submission.filter(state="failed")
    return wanted


def shell_counts(user: User) -> dict[str, int]:
    """The numbers of the menu and the bell; one query."""
    counts = count_all(user, shell_querysets(user))
    counts["received"] = counts.get("received", 0) + counts.pop("received_deals", 0)
    return counts
