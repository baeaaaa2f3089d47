"""Moving a record to another stage: one address for the board, the menu, the card's stage bar and the keyboard."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST
from django_fsm import ConcurrentTransition

from accounts.models import User
from crm import pipelines, stages, undo
from crm.activities import open_tasks
from crm.errors import InvalidInput, MissingFields, RefusalNeeded, StageConflict, StageError
from crm.http import triggers
from crm.models import RecordType, Stage, StagedRecord, StageHistory
from crm.screens import access, dialogs, registry
from crm.screens.forms import MoveForm, ReasonForm, RefusalForm, add_errors


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def move_record(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """POST {to, expected_stage, ...}: move, or answer with the dialog that completes the move. GET: where it may go."""
    user: Any = request.user
    record = access.find_to_change(record_type, pk, user, "move")
    if request.method != "POST":
        return choose(request, record)
    try:
        target = pipelines.find_stage(record.pipeline_id, request.POST.get("to", ""))
    except KeyError:
        return dialogs.message(request, _("This pipeline has no such stage."))
    if target.is_failure and target.pipeline_id == record.pipeline_id:
        return _refusal(request, record, [target])
    return _move(request, record, target)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def refuse_record(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """The refusal dialog: all ways to lose the record with their reasons, one comment."""
    record = access.find_to_change(record_type, pk, request.user, "move")  # type: ignore[arg-type]
    ends = [stage for stage in pipelines.stages_of(record.pipeline_id) if stage.is_failure]
    return _refusal(request, record, ends)


@login_required
@require_POST
def undo_action(request: HttpRequest, key: str) -> HttpResponse:
    """Take back what the person has just done."""
    user: Any = request.user
    try:
        text = undo.undo(user, key)
    except (StageError, StageConflict, InvalidInput, ConcurrentTransition) as error:
        text = getattr(error, "message", "") or _("It could not be undone: it was changed meanwhile.")
        if not dialogs.is_partial(request):
            return dialogs.message(request, text)
        return triggers(HttpResponse(status=204), toast={"level": "error", "text": text}, recordChanged={})
    return dialogs.done(request, text)


# -- the move itself --------------------------------------------------------------------------------------------------


def _move(request: HttpRequest, record: Any, target: Stage) -> HttpResponse:
    """Try it; whatever is lacking comes back as a dialog that posts here again with the same `to`."""
    user: Any = request.user
    before, seen = record.stage, request.POST.get("expected_stage", "")
    former = record.responsible_id
    values: dict[str, Any] = {}
    form = _filled_form(request, record, target)
    reason_form = ReasonForm(request.POST) if "reason" in request.POST else None
    if form is not None:
        if not form.is_valid():
            return _missing_dialog(request, record, target, form)
        values = form.values()
    if reason_form is not None and not reason_form.is_valid():
        return _reason_dialog(request, record, target, reason_form)
    reason = reason_form.cleaned_data["reason"] if reason_form else ""
    try:
        stages.move(record, target.key, by=user, data=values, reason=reason, expected=seen or None)
    except (StageConflict, ConcurrentTransition):
        return conflict(request, record, seen)
    except MissingFields as error:
        return _lacking(request, record, target, error, tried=form)
    except InvalidInput as error:
        if form is None:
            return dialogs.message(request, error.message)
        add_errors(form, error)
        return _missing_dialog(request, record, target, form)
    except StageError as error:
        if not reason and target.key in {stage.key for stage in stages.allowed_targets(record, user)}:
            return _reason_dialog(request, record, target, ReasonForm())
        return dialogs.message(request, error.message)
    return moved(request, record, before, former)


def moved(request: HttpRequest, record: StagedRecord, before: str, former: int | None) -> HttpResponse:
    """The toast of a move that was made, with its undo; who no longer sees the record goes on at the board.

    `former` is the key of whoever was responsible before.
    """
    user: Any = request.user
    text = _("«%(record)s» → «%(stage)s»") % {"record": record, "stage": record.stage_row.name}
    if record.RECORD_TYPE in {RecordType.LEAD, RecordType.DEAL} and not record.is_open:
        text += _tasks_left(record, user)
    undo_url = undo.offer_move(user, record, before, former=former) if record.stage != before else ""
    visible = type(record)._default_manager.visible_to(user).filter(pk=record.pk).exists()  # type: ignore[attr-defined]
    # Handed over, it may be out of the person's sight: its card would be a 404, the board is where they go on.
    to = record.get_absolute_url() if visible else reverse(f"{record.RECORD_TYPE}-board")
    leaves_card = not visible and _on_card(request, record)
    return dialogs.done(request, text, record, undo_url=undo_url, to=to, go=leaves_card)


def _tasks_left(record: StagedRecord, user: User) -> str:
    """What people planned stays when a record is closed: they are told, for it may be forgotten."""
    count = open_tasks(record, user).count() if record.next_activity_at is not None else 0
    if not count:
        return ""
    told = ngettext("%(count)s open task is left", "%(count)s open tasks are left", count) % {"count": count}
    return f". {told}."


def _on_card(request: HttpRequest, record: StagedRecord) -> bool:
    current = getattr(getattr(request, "htmx", None), "current_url_abs_path", "") or ""
    return current.split("?", 1)[0] == record.get_absolute_url()


def _filled_form(request: HttpRequest, record: Any, target: Stage) -> MoveForm | None:
    """The form of missing fields, when the request comes from its dialog."""
    if "fields" not in request.POST:
        return None
    missing = stages.missing_fields(record, target, request.user)
    form = MoveForm(request.POST, record=record, missing=missing, user=request.user)  # type: ignore[arg-type]
    return form if form.can_be_filled else None


# -- dialogs ----------------------------------------------------------------------------------------------------------


def _context(request: HttpRequest, record: Any, **more: Any) -> dict[str, Any]:
    return {
        "record": record,
        "from_stage": record.stage_row,
        "expected_stage": request.POST.get("expected_stage") or record.stage,
        "dialog_action": reverse(f"{record.RECORD_TYPE}-move", args=[record.pk]),
        "dialog_back": record.get_absolute_url(),
        **more,
    }


def choose(request: HttpRequest, record: Any) -> HttpResponse:
    """Where the record may go from here, a button each."""
    targets = stages.allowed_targets(record, request.user)
    context = _context(
        request,
        record,
        dialog_title=_("Move to…"),
        targets=[stage for stage in targets if not stage.is_failure],
        refuse_url=reverse(f"{record.RECORD_TYPE}-refuse", args=[record.pk])
        if any(stage.is_failure for stage in targets)
        else "",
    )
    return dialogs.dialog(request, "crm/dialogs/move_to.html", context)


def _lacking(
    request: HttpRequest, record: Any, target: Stage, error: MissingFields, *, tried: MoveForm | None
) -> HttpResponse:
    """What a form can ask is asked; what only a conversion or a hand-over can give goes on in its dialog."""
    if own_dialog := registry.of(record.RECORD_TYPE).stage_dialogs.get(target.code):
        return dialogs.elsewhere(request, f"{reverse(own_dialog, args=[record.pk])}?to={target.code}")
    if tried is not None:
        _say_at_fields(tried, error)
        return _missing_dialog(request, record, target, tried)
    form = MoveForm(record=record, missing=error.missing, user=request.user)  # type: ignore[arg-type]
    if not form.can_be_filled:
        return dialogs.message(request, error.message)
    return _missing_dialog(request, record, target, form)


def _say_at_fields(form: MoveForm, error: MissingFields) -> None:
    """What is wrong with a value at its field; what the form does not ask for above it."""
    elsewhere = False
    for item in error.missing:
        name = next((name for name in item.fields if name in form.fields), "")
        if name and item.problem:
            form.fields[name].help_text = ""
            form.add_error(name, item.problem)
        else:
            elsewhere = True
    if elsewhere:
        form.add_error(None, error.message)


def _missing_dialog(request: HttpRequest, record: Any, target: Stage, form: MoveForm) -> HttpResponse:
    context = _context(request, record, to_stage=target, form=form)
    return dialogs.dialog(request, "crm/dialogs/missing.html", context, status=422)


def _reason_dialog(request: HttpRequest, record: Any, target: Stage, form: ReasonForm) -> HttpResponse:
    context = _context(request, record, to_stage=target, form=form, dialog_submit=_("Move"))
    return dialogs.dialog(request, "crm/dialogs/reason.html", context, status=422)


def _refusal(request: HttpRequest, record: Any, ends: list[Stage]) -> HttpResponse:
    """Ask for the reason, then close the record with it."""
    user: Any = request.user
    form = RefusalForm(request.POST if "comment" in request.POST else None, record=record, ends=ends)
    before, seen = record.stage, request.POST.get("expected_stage", "")
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        refusal = stages.Refusal(
            form.reason_id(), given["comment"], given.get("competitor", ""), given.get("competitor_price")
        )
        try:
            stages.move(record, form.target(), by=user, refusal=refusal, expected=seen or None)
        except (StageConflict, ConcurrentTransition):
            return conflict(request, record, seen)
        except (MissingFields, RefusalNeeded) as error:
            add_errors(form, error)
        except StageError as error:
            return dialogs.message(request, error.message)
        else:
            return moved(request, record, before, record.responsible_id)
    elif not form.is_bound and not _may_close(record, ends, user):
        return dialogs.message(request, _("«%(stage)s» is a finished stage.") % {"stage": record.stage_row.name})
    single = ends[0] if len(ends) == 1 else None
    action = "move" if single else "refuse"
    context = _context(request, record, form=form, to_stage=single)
    context["dialog_action"] = reverse(f"{record.RECORD_TYPE}-{action}", args=[record.pk])
    status = 200 if request.method in {"GET", "HEAD"} else 422
    return dialogs.dialog(request, "crm/dialogs/refusal.html", context, status=status)


def _may_close(record: Any, ends: list[Stage], user: Any) -> bool:
    allowed = {stage.key for stage in stages.allowed_targets(record, user)}
    return any(stage.key in allowed for stage in ends)


def conflict(request: HttpRequest, record: Any, seen: str) -> HttpResponse:
    """Somebody was faster (PIPE-6): who, when, from where to where."""
    fresh = access.find(record.RECORD_TYPE, record.pk, request.user)  # type: ignore[arg-type]
    last = (
        StageHistory.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk)
        .select_related("actor_user")
        .order_by("-id")
        .first()
    )
    try:
        old = pipelines.find_stage(fresh.pipeline_id, seen).name if seen else ""
    except KeyError:
        old = seen
    context = {
        "record": fresh,
        "changed_by": timeline_author(last) if last else "",
        "changed_at": last.at if last else None,
        "changes": [{"label": _("Stage"), "old": old, "new": fresh.stage_row.name}],
        "reload_url": fresh.get_absolute_url(),
    }
    if dialogs.is_partial(request):
        response = render(request, "components/conflict_dialog.html", context, status=409)
        response["HX-Retarget"], response["HX-Reswap"] = "#dialog-body", "innerHTML"
        return triggers(response, recordChanged={"id": fresh.pk, "type": fresh.RECORD_TYPE})
    page = {**context, "title": fresh, "dialog_template": "components/conflict_dialog.html"}
    return render(request, "components/dialog_page.html", page, status=409)


def timeline_author(row: Any) -> str:
    """Who did it, as people read it: a person's short name, a robot's name."""
    return str(row.actor_user) if row.actor_user else row.actor_name
