"""A cell of a list filled in where it stands: the line of the card behind it, its service, errors and conflicts."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_fsm import ConcurrentTransition

from crm import clock
from crm.errors import DomainError, StageConflict
from crm.screens import access, cells, dialogs, listing, moving, registry
from crm.screens.editing import field_conflict, save, seen_values
from crm.screens.forms import RecordFieldsForm, add_errors
from crm.screens.light import light


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_cell(request: HttpRequest, record_type: str, pk: int, key: str) -> HttpResponse:
    """GET: the fields of a cell, or for the stage the dialog of moves. POST: saves them and answers the row anew.

    Refused values are a 422 with the fields; when another person has changed them meanwhile, 409 with what was seen,
    what is there and what was typed.
    """
    user: Any = request.user
    screen = registry.of(record_type)
    column = screen.column(key)
    if column is None:
        raise Http404
    fact = screen.fact(column.fact, user) if column.fact else None
    action = "move" if column.kind == "stage" else fact.action if fact else "change"
    record = access.find_to_change(record_type, pk, user, action)
    if column.kind == "stage" and request.method != "POST":
        return moving.choose(request, record)
    if fact is None or fact.locked:
        raise Http404
    if not dialogs.is_partial(request):
        return HttpResponseRedirect(reverse(f"{record_type}-field", args=[pk, fact.name]))
    if request.method != "POST":
        return _fields(request, record, fact, RecordFieldsForm(record=record, names=fact.fields, user=user))
    form = RecordFieldsForm(request.POST, record=record, names=fact.fields, user=user)
    seen = request.POST.get("seen", "")
    if not form.is_valid():
        return _fields(request, record, fact, form, status=422)
    if seen != seen_values(record, fact.fields):
        return field_conflict(request, record, form, seen)
    try:
        save(screen, record, form.values(), user, expected_version=record.version)
    except (StageConflict, ConcurrentTransition):
        return field_conflict(request, record, form, seen)
    except DomainError as error:
        add_errors(form, error)
        return _fields(request, record, fact, form, status=422)
    if "mine" in request.POST:
        return dialogs.done(request, _("Written over with yours."), record)
    return row_answer(request, screen, pk)


def row_answer(request: HttpRequest, screen: registry.Screen, pk: int) -> HttpResponse:
    """The row as it is now, with the columns of `?columns=`; 204 when it is out of the reader's sight."""
    user: Any = request.user
    columns = listing.columns_of(request, screen)
    rows: Any = screen.model._default_manager.visible_to(user).alive().filter(pk=pk)  # type: ignore[attr-defined]
    row = light(screen, rows, columns).first()
    if row is None:
        return HttpResponse(status=204)
    access.mark_reach(screen.model, [row], user)
    return HttpResponse(cells.row_html(screen, columns, row, clock.now(), cells.labels_of(columns)))


def _fields(request: HttpRequest, record: Any, fact: Any, form: Any, *, status: int = 200) -> HttpResponse:
    # The page may hold fields of the same names already: those of the filter.
    form.auto_id = f"cell_{record.pk}_%s"
    context = {"form": form, "seen": request.POST.get("seen", seen_values(record, fact.fields))}
    return render(request, "crm/cell_edit.html", context, status=status)
