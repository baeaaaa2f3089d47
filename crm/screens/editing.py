"""A fact of a card edited in place, the responsible, and what a form says when somebody else was faster."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_fsm import ConcurrentTransition

from accounts.models import User
from crm import undo
from crm.clients import takes_person_of_company
from crm.errors import DomainError, StageConflict
from crm.http import triggers
from crm.models import Change, Company, Contact, StagedRecord
from crm.people import assignable
from crm.screens import access, dialogs, registry
from crm.screens.card import fact_row
from crm.screens.forms import BulkAssignForm, RecordFieldsForm, add_errors
from crm.screens.moving import timeline_author
from crm.services import plain_value, record_assign, shown_value


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_field(request: HttpRequest, record_type: str, pk: int, name: str) -> HttpResponse:
    """One line of the card: GET its form (`?show=1` the line again), POST saves it.

    Two people may edit different lines at once. The form carries what its reader saw of the line; when that is no
    longer there the answer is a conflict with both values, and nothing is written over.
    """
    user: Any = request.user
    screen = registry.of(record_type)
    fact = screen.fact(name, user)
    if fact is None or not fact.fields or fact.locked:
        raise Http404
    record = access.find_to_change(record_type, pk, user, fact.action)
    if "show" in request.GET or (request.method != "POST" and not dialogs.is_partial(request)):
        return _line(request, record, fact)
    if request.method != "POST":
        return _form(request, record, fact, RecordFieldsForm(record=record, names=fact.fields, user=user))
    form = RecordFieldsForm(request.POST, record=record, names=fact.fields, user=user)
    if not form.is_valid():
        return _form(request, record, fact, form, status=422)
    if request.POST.get("seen", "") != seen_values(record, fact.fields):
        return field_conflict(request, record, form, request.POST.get("seen", ""))
    try:
        save(screen, record, form.values(), user, expected_version=record.version)
    except (StageConflict, ConcurrentTransition):
        return field_conflict(request, record, form, request.POST.get("seen", ""))
    except DomainError as error:
        add_errors(form, error)
        return _form(request, record, fact, form, status=422)
    if "mine" in request.POST:
        return dialogs.done(request, _("Written over with yours."), record)
    return _saved(request, record, fact)


@transaction.atomic
def save(screen: registry.Screen, record: Any, values: dict[str, Any], user: User, *, expected_version: int) -> None:
    """Write changed fields of a record; the responsible has a service of its own, for tasks go along."""
    rest = {name: value for name, value in values.items() if name != "responsible"}
    company = getattr(record, "company_id", None)
    screen.update(record, by=user, data=rest, expected_version=expected_version)
    if "responsible" in values and not takes_person_of_company(record, company):
        record_assign(record, responsible=values["responsible"], by=user)


def seen_values(record: Any, names: tuple[str, ...]) -> str:
    """What stands in the fields now, as one line of text for a hidden field."""
    return "\x1f".join(str(plain_value(_plain(record, name)) or "") for name in names)


def _plain(record: Any, name: str) -> Any:
    value = getattr(record, name)
    if isinstance(value, models.Manager):
        return ", ".join(sorted(str(row) for row in value.all()))
    if isinstance(value, models.Model):
        return value.pk
    if hasattr(value, "normalize"):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    return value


def _form(request: HttpRequest, record: Any, fact: Any, form: Any, *, status: int = 200) -> HttpResponse:
    url = reverse(f"{record.RECORD_TYPE}-field", args=[record.pk, fact.name])
    context = {
        "fact": fact_row(record, fact, may_change=True),
        "form": form,
        "seen": request.POST.get("seen", seen_values(record, fact.fields)),
        "save_url": url,
        "cancel_url": f"{url}?show=1",
        "back_url": record.get_absolute_url(),
    }
    if dialogs.is_partial(request):
        return render(request, "crm/fact_edit.html", context, status=status)
    return render(request, "crm/fact_page.html", context, status=status)


def _line(request: HttpRequest, record: Any, fact: Any) -> HttpResponse:
    if not dialogs.is_partial(request):
        form = RecordFieldsForm(record=record, names=fact.fields, user=request.user)  # type: ignore[arg-type]
        return _form(request, record, fact, form)
    return render(request, "components/fact.html", {"fact": fact_row(record, fact, may_change=True)})


def _saved(request: HttpRequest, record: Any, fact: Any) -> HttpResponse:
    if not dialogs.is_partial(request):
        return HttpResponseRedirect(record.get_absolute_url())
    fresh = type(record)._default_manager.visible_to(request.user).filter(pk=record.pk).first()
    if fresh is None:
        response = HttpResponse(status=204)
        response["HX-Redirect"] = reverse(f"{record.RECORD_TYPE}-list")
        return response
    response = render(request, "components/fact.html", {"fact": fact_row(fresh, fact, may_change=True)})
    return triggers(response, recordChanged={"id": record.pk, "type": record.RECORD_TYPE})


def field_conflict(request: HttpRequest, record: Any, form: RecordFieldsForm, seen: str) -> HttpResponse:
    """Two people changed one line: what the second saw, what is there now, what they typed; either can stand.

    «Write mine» posts the same values again with what is there now as seen: a third change meanwhile is told anew.
    """
    names = tuple(form.fields)
    fresh = access.find(record.RECORD_TYPE, record.pk, request.user)  # type: ignore[arg-type]
    old_values = seen.split("\x1f")
    changes = [
        {
            "label": str(getattr(fresh._meta.get_field(name), "verbose_name", name)),
            "old": _readable(fresh, name, old_values[number] if number < len(old_values) else ""),
            "new": _shown(fresh, name, getattr(fresh, name)),
            "mine": _shown(fresh, name, form.cleaned_data.get(name)),
        }
        for number, name in enumerate(names)
    ]
    last = (
        Change.objects.filter(record_type=fresh.RECORD_TYPE, record_id=fresh.pk, field__in=names)
        .select_related("actor_user")
        .first()
    )
    context = {
        "record": fresh,
        "changed_by": timeline_author(last) if last else "",
        "changed_at": last.at if last else None,
        "changes": changes,
        "reload_url": fresh.get_absolute_url(),
        "write_url": request.get_full_path(),
        "write_values": [(name, value) for name in names for value in request.POST.getlist(name)],
        "seen_now": seen_values(fresh, names),
    }
    if not dialogs.is_partial(request):
        page = {**context, "title": fresh, "dialog_template": "components/conflict_dialog.html"}
        return render(request, "components/dialog_page.html", page, status=409)
    response = render(request, "components/conflict_dialog.html", context, status=409)
    response["HX-Retarget"], response["HX-Reswap"] = "#dialog-body", "innerHTML"
    return response


def _shown(record: StagedRecord, name: str, value: Any) -> str:
    """A value of a field, or of a form, as the conflict shows it; all three of one line alike."""
    if isinstance(value, models.Manager):
        value = [str(row) for row in value.all()]
    if isinstance(value, list | tuple):
        return ", ".join(sorted(map(str, value)))
    return shown_value(record, name, value)


def _readable(record: StagedRecord, name: str, raw: str) -> str:
    if not raw:
        return ""
    column: Any = record._meta.get_field(name)
    try:
        value = column.related_model._meta.pk.to_python(raw) if column.is_relation else column.to_python(raw)
        return shown_value(record, name, value)
    except Exception:
        return raw


def changes_since(record: StagedRecord, seen_at: str) -> list[dict[str, Any]]:
    """What others changed after a form was opened (`seen_at` is the record's time of change then)."""
    moment = parse_datetime(seen_at) if seen_at else None
    if moment is None:
        return []
    rows = Change.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk, at__gt=moment)
    names = {field.name for field in record._meta.concrete_fields if field.editable}
    return [
        {
            "label": str(getattr(record._meta.get_field(row.field), "verbose_name", row.field)),
            "who": timeline_author(row),
            "when": row.at,
            "old": _readable(record, row.field, str(row.old or "")),
            "new": _readable(record, row.field, str(row.new or "")),
        }
        for row in rows.select_related("actor_user").order_by("id")
        if row.field in names
    ]


class AssignForm(BulkAssignForm):
    """Who takes the record."""

    def __init__(self, data: Any = None, *, user: User, record: Any) -> None:
        super().__init__(data, user=user)
        field: Any = self.fields["responsible"]
        field.queryset = assignable(user, record)
        field.initial = record.responsible_id
        if isinstance(record, Company) or (isinstance(record, Contact) and record.company_id is not None):
            field.help_text = _("The company and all its contacts get this person: one answers for all of them.")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def assign_record(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Give the record to another person."""
    user: Any = request.user
    record = access.find_to_change(record_type, pk, user)
    form = AssignForm(request.POST or None, user=user, record=record)
    if form.is_bound and form.is_valid():
        former = record.responsible_id
        try:
            record_assign(record, by=user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            rows = [[record.pk, former, record.responsible_id]]
            url = undo.offer(user, "assign", record_type=record_type, rows=rows)
            text = _("«%(record)s»: responsible is %(name)s") % {"record": record, "name": record.responsible}
            visible = type(record)._default_manager.visible_to(user).filter(pk=pk).exists()
            to = record.get_absolute_url() if visible else reverse(f"{record_type}-list")
            return dialogs.done(request, text, record, undo_url=url, to=to, go=not visible)
    context = {
        "dialog_title": _("Change the responsible"),
        "form": form,
        "dialog_action": request.path,
        "dialog_back": record.get_absolute_url(),
        "dialog_submit": _("Hand over"),
    }
    status = 422 if form.is_bound else 200
    return dialogs.dialog(request, "components/dialog.html", context, status=status)
