"""Bulk actions over the selected rows of a list: what could be done is done, the rest is listed with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from django_fsm import ConcurrentTransition

from crm import pipelines, stages, undo
from crm.errors import DomainError
from crm.http import triggers
from crm.models import Stage, StagedRecord
from crm.normalize import looks_like_placeholder
from crm.screens import dialogs, listing, registry
from crm.screens.forms import BulkAssignForm, BulkMoveForm, RefusalForm
from crm.services import record_assign

LIMIT = 1000


@dataclass
class Report:
    """What a bulk action did: how many, and which could not be done and why."""

    done: int = 0
    failed: list[tuple[Any, str]] = field(default_factory=list)


def chosen(request: HttpRequest, screen: registry.Screen) -> Any:
    """The selected rows, or all that the list's filter finds; only those the person may change."""
    rows = screen.model._default_manager.visible_to(request.user, "change").alive()  # type: ignore[attr-defined]
    if request.POST.get("all_found"):
        query = QueryDict(request.POST.get("query", ""), mutable=True)
        for name in listing.NOT_FILTERS:
            query.pop(name, None)
        rows = listing.filtered(request, screen, query, rows).qs
    else:
        ids = [int(raw) for raw in request.POST.getlist("ids") if raw.isascii() and raw.isdigit() and len(raw) < 19]
        rows = rows.filter(pk__in=ids[:LIMIT])
    return rows.order_by("-created_at", "-id")


@login_required
@require_POST
def bulk_assign(request: HttpRequest, record_type: str) -> HttpResponse:
    """Ask who takes them, then hand them over."""
    user: Any = request.user
    screen = registry.of(record_type)
    rows = list(chosen(request, screen)[: LIMIT + 1])
    if refusal := _too_many_or_none(request, rows):
        return refusal
    form = BulkAssignForm(request.POST if "confirmed" in request.POST else None, user=user)
    if not (form.is_bound and form.is_valid()):
        return _ask(request, screen, rows, form, title=_("Change the responsible"), submit=_("Hand over"))
    back: list[list[Any]] = []

    def assign(record: Any) -> None:
        former = record.responsible_id
        record_assign(record, by=user, **form.cleaned_data)
        if former != record.responsible_id:
            back.append([record.pk, former, record.responsible_id])

    report = run(rows, assign)
    undo_url = undo.offer(user, "assign", record_type=record_type, rows=back) if back else ""
    return _told(request, screen, report, undo_url)


@login_required
@require_POST
def bulk_move(request: HttpRequest, record_type: str) -> HttpResponse:
    """Ask for the stage (and the reason of a refusal), then move what can be moved (PIPE-3)."""
    user: Any = request.user
    screen = registry.of(record_type)
    rows = list(chosen(request, screen)[: LIMIT + 1])
    if refusal := _too_many_or_none(request, rows):
        return refusal
    codes = {row.pipeline_id for row in rows}
    if len(codes) > 1:
        return dialogs.message(request, _("The selected records are in different pipelines: choose those of one."))
    offered = pipelines.stages_of(codes.pop())
    confirmed = "confirmed" in request.POST
    form = BulkMoveForm(request.POST if confirmed else None, offered=offered)
    title, submit = _("Move to…"), _("Move")
    if not (form.is_bound and form.is_valid()):
        return _ask(request, screen, rows, form, title=title, submit=submit)
    target = next(stage for stage in offered if stage.code == form.cleaned_data["to"])
    refusal_form = None
    if target.is_failure:
        given = request.POST if "comment" in request.POST else None
        refusal_form = RefusalForm(given, record=rows[0], ends=[target])
        if not (refusal_form.is_bound and refusal_form.is_valid()):
            hidden = {"to": target.code, "reason": form.cleaned_data["reason"]}
            return _ask(request, screen, rows, refusal_form, title=target.name, submit=submit, hidden=hidden)
    report, back = _move_all(rows, target, user, form.cleaned_data["reason"], refusal_form)
    undo_url = undo.offer(user, "move", record_type=record_type, moves=back) if back else ""
    return _told(request, screen, report, undo_url)


def _move_all(
    rows: list[Any], target: Stage, user: Any, reason: str, refusal_form: RefusalForm | None
) -> tuple[Report, list[list[Any]]]:
    refusal = None
    if refusal_form is not None:
        given = refusal_form.cleaned_data
        refusal = stages.Refusal(
            refusal_form.reason_id(), given["comment"], given.get("competitor", ""), given.get("competitor_price")
        )
    reason = "" if looks_like_placeholder(reason) else reason
    back: list[list[Any]] = []

    def move(record: StagedRecord) -> None:
        before = record.stage
        stages.move(record, target.key, by=user, reason=reason, refusal=refusal, expected=before)
        if before != record.stage and pipelines.stage(before).is_open:
            back.append([record.pk, before, record.stage])

    return run(rows, move), back


def run(rows: list[Any], act: Callable[[Any], None]) -> Report:
    """Do it to each in a transaction of its own; a refusal of one stops none of the others."""
    report = Report()
    for record in rows:
        try:
            act(record)
        except DomainError as error:
            report.failed.append((record, error.message))
        except ConcurrentTransition:
            report.failed.append((record, _("Another person changed it meanwhile.")))
        except type(record).DoesNotExist:
            report.failed.append((record, _("It is not yours to change any more.")))
        else:
            report.done += 1
    return report


def _too_many_or_none(request: HttpRequest, rows: list[Any]) -> HttpResponse | None:
    if not rows:
        return dialogs.message(request, _("Select rows that you may change first."))
    if len(rows) > LIMIT:
        return dialogs.message(request, _("At most %(limit)s records at once: narrow the filter.") % {"limit": LIMIT})
    return None


def _ask(
    request: HttpRequest,
    screen: registry.Screen,
    rows: list[Any],
    form: forms.Form,
    *,
    title: str,
    submit: str,
    hidden: dict[str, str] | None = None,
) -> HttpResponse:
    """The dialog of a bulk action; it carries the selection along."""
    pairs = [("ids", str(row.pk)) for row in rows]
    context = {
        "dialog_title": title,
        "dialog_submit": f"{submit} ({len(rows)})",
        "dialog_action": request.path,
        "dialog_back": reverse(f"{screen.record_type}-list"),
        "form": form,
        "hidden": [*pairs, ("confirmed", "1"), *(hidden or {}).items()],
        "count": len(rows),
        "first_rows": rows[:5],
    }
    return dialogs.dialog(request, "crm/dialogs/bulk.html", context, status=422 if form.errors else 200)


def _told(request: HttpRequest, screen: registry.Screen, report: Report, undo_url: str) -> HttpResponse:
    text = ngettext("%(count)d record changed.", "%(count)d records changed.", report.done) % {"count": report.done}
    if not report.failed:
        return dialogs.done(request, text, to=reverse(f"{screen.record_type}-list"), undo_url=undo_url)
    context = {
        "dialog_title": text,
        "done": report.done,
        "failed": [{"record": record, "reason": reason} for record, reason in report.failed],
        "undo_url": undo_url,
        "dialog_back": reverse(f"{screen.record_type}-list"),
    }
    response = dialogs.dialog(request, "crm/dialogs/bulk_report.html", context)
    return triggers(response, recordChanged={}) if dialogs.is_partial(request) else response
