"""Bulk actions over the selected rows of a list: a look at what would happen, then what can be done is done, the rest
is listed with its reason, and all of it is taken back with one press (PIPE-3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm import jobs, pipelines, stages, trash
from crm.errors import DomainError
from crm.keys import keys_in
from crm.models import Stage
from crm.querysets import Action
from crm.screens import dialogs, job_views, listing, registry
from crm.screens.forms import BulkAssignForm, BulkMoveForm, BulkTagForm, RecordFieldsForm, RefusalForm
from crm.services.fields import plain_value

# How many of the rows are looked at beforehand to tell what would not move.
LOOKED_AT = 300
ON_PAGE = 1000


def chosen(request: HttpRequest, screen: registry.Screen, action: Action = "change") -> Any:
    """The selected rows, or all that the list's filter finds; only those the person may change (or move)."""
    rows = screen.model._default_manager.visible_to(request.user, action).alive()  # type: ignore[attr-defined]
    if request.POST.get("all_found"):
        twin = listing.with_query(request, request.POST.get("query", ""))
        rows = listing.filtered(twin, screen, None, rows).qs
    else:
        ids = keys_in(request.POST.getlist("ids"))
        rows = rows.filter(pk__in=ids[:ON_PAGE])
    return rows.order_by("-created_at", "-id")


class Selection:
    """What was selected: the keys, some rows to show, and how the next dialog carries the selection along."""

    def __init__(self, request: HttpRequest, screen: registry.Screen, action: Action = "change") -> None:
        self.screen, self.request = screen, request
        self.rows = chosen(request, screen, action)
        self.keys: list[int] = list(self.rows.values_list("pk", flat=True)[: jobs.MOST + 1])

    @property
    def count(self) -> int:
        return len(self.keys)

    @property
    def left_out(self) -> int:
        """How many of the selected are seen but are not the person's to change."""
        return max(0, chosen(self.request, self.screen, "view").count() - self.count)

    def refusal(self) -> HttpResponse | None:
        """Nothing selected, or too much."""
        if not self.keys:
            return dialogs.message(self.request, _("Select rows that you may change first."))
        if self.count > jobs.MOST:
            text = _("At most %(limit)s records at once: narrow the filter.") % {"limit": jobs.MOST}
            return dialogs.message(self.request, text)
        return None

    def hidden(self) -> list[tuple[str, str]]:
        """A whole list is named by its query: thousands of numbers would not fit into a form."""
        if self.request.POST.get("all_found"):
            return [("all_found", "1"), ("query", self.request.POST.get("query", ""))]
        return [("ids", str(pk)) for pk in self.keys]

    def first(self, number: int = 5) -> list[Any]:
        return list(self.rows.defer("search_text")[:number])

    def start(self, kind: str, params: dict[str, Any]) -> HttpResponse:
        """Do it, or hand it to a worker; answer what came of it."""
        pairs = [(self.screen.record_type, pk) for pk in self.keys]
        try:
            job = jobs.job_start(
                by=self.request.user,  # type: ignore[arg-type]
                kind=kind,
                rows=pairs,
                params=params,
                record_type=self.screen.record_type,
            )
        except DomainError as error:
            return dialogs.message(self.request, error.message)
        return job_views.told(self.request, job)


@login_required
@require_POST
def bulk_assign(request: HttpRequest, record_type: str) -> HttpResponse:
    """Ask who takes them, then hand them over."""
    user: Any = request.user
    selection = Selection(request, registry.of(record_type))
    if refusal := selection.refusal():
        return refusal
    form = BulkAssignForm(request.POST if "confirmed" in request.POST else None, user=user)
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        return selection.start("assign", {"responsible": given["responsible"].pk, "reason": given["reason"]})
    names = Counter(
        str(row.responsible or _("Nobody")) for row in selection.rows.select_related("responsible")[:LOOKED_AT]
    )
    told = ", ".join(f"{name}: {count}" for name, count in names.most_common(5))
    lead = _("Now responsible: %(people)s") % {"people": told}
    return ask(selection, form, title=_("Change the responsible"), submit=_("Hand over"), lead=lead)


@login_required
@require_POST
def bulk_tag(request: HttpRequest, record_type: str) -> HttpResponse:
    """Put tags on the selected records and take others off."""
    selection = Selection(request, registry.of(record_type))
    if refusal := selection.refusal():
        return refusal
    form = BulkTagForm(request.POST if "confirmed" in request.POST else None, user=request.user)  # type: ignore[arg-type]
    if form.is_bound and form.is_valid():
        return selection.start("tag", dict(form.cleaned_data))
    return ask(selection, form, title=_("Tags"), submit=_("Save"))


@login_required
@require_POST
def bulk_delete(request: HttpRequest, record_type: str) -> HttpResponse:
    """Say what would go to the trash, then put it there."""
    user: Any = request.user
    if not trash.may_delete(user):
        raise PermissionDenied
    selection = Selection(request, registry.of(record_type))
    if refusal := selection.refusal():
        return refusal
    if "confirmed" in request.POST:
        return selection.start("delete", {})
    lead = ngettext(
        "%(count)d record goes to the trash. It can be brought back for %(days)d days.",
        "%(count)d records go to the trash. They can be brought back for %(days)d days.",
        selection.count,
    ) % {"count": selection.count, "days": trash.DAYS}
    return ask(selection, forms.Form(), title=_("Delete"), submit=_("Delete"), lead=lead, danger=True)


@login_required
@require_POST
def bulk_export(request: HttpRequest, record_type: str) -> HttpResponse:
    """A file of the selected rows alone, or of the whole list when all of it is selected."""
    query = QueryDict(request.POST.get("query", ""), mutable=True)
    query.pop("page", None)
    if not request.POST.get("all_found"):
        ids = keys_in(request.POST.getlist("ids"))
        if not ids:
            return dialogs.message(request, _("Select rows first."))
        kept = {name: query.getlist(name) for name in ("sort", "columns", "view") if name in query}
        query = QueryDict(mutable=True)
        for name, values in kept.items():
            query.setlist(name, values)
        query["id"] = ",".join(map(str, ids[:ON_PAGE]))
    url = f"{reverse(f'{record_type}-export')}?{query.urlencode()}"
    if not dialogs.is_partial(request):
        return HttpResponseRedirect(url)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = url
    return response


# -- moving -----------------------------------------------------------------------------------------------------------


@login_required
@require_POST
def bulk_move(request: HttpRequest, record_type: str) -> HttpResponse:
    """Ask for the stage, for the reason of a refusal, for fields that some lack; then move what can go."""
    user: Any = request.user
    selection = Selection(request, registry.of(record_type), "move")
    if refusal := selection.refusal():
        return refusal
    codes = list(selection.rows.order_by().values_list("pipeline_id", flat=True).distinct()[:2])
    if len(codes) > 1:
        return dialogs.message(request, _("The selected records are in different pipelines: choose those of one."))
    offered = pipelines.stages_of(codes[0])
    form = BulkMoveForm(request.POST if "confirmed" in request.POST else None, offered=offered)
    if not (form.is_bound and form.is_valid()):
        return ask(selection, form, title=_("Move to…"), submit=_("Move"))
    target = next(stage for stage in offered if stage.code == form.cleaned_data["to"])
    params: dict[str, Any] = {"to": target.code, "reason": form.cleaned_data["reason"]}
    carried = {"to": target.code, "reason": form.cleaned_data["reason"]}
    if target.is_failure:
        given = request.POST if "comment" in request.POST else None
        refusal_form = RefusalForm(given, record=selection.first(1)[0], ends=[target])
        if not (refusal_form.is_bound and refusal_form.is_valid()):
            return ask(selection, refusal_form, title=target.name, submit=_("Move"), more=carried)
        params["refusal"] = _refusal(refusal_form)
        carried |= {
            name: request.POST.get(name, "") for name in ("choice", "comment", "competitor", "competitor_price")
        }
    look = Look(selection.rows.select_related(*selection.screen.related), lambda _row: target, user, params["reason"])
    return ask_about(look, selection, params, carried) or selection.start("move", params)


def _refusal(form: RefusalForm) -> dict[str, Any]:
    given = form.cleaned_data
    price = given.get("competitor_price")
    return {
        "reason_id": form.reason_id(),
        "comment": given["comment"],
        "competitor": given.get("competitor", ""),
        "competitor_price": str(price) if price is not None else None,
    }


class Look:
    """What would not move of the first rows, and why; and the fields that would help.

    `aim` answers a row's target, `given` are the names of fields that are filled in with the move.
    """

    def __init__(
        self, rows: Any, aim: Callable[[Any], Stage], user: Any, reason: str, given: Iterable[str] = ()
    ) -> None:
        self.stays: list[dict[str, Any]] = []
        self.lacking: dict[str, int] = {}
        self.sample: Any = None
        self.user = user
        looked, promised = list(rows[:LOOKED_AT]), set(given)
        self.looked_at = len(looked)
        for row in looked:
            target = aim(row)
            missing = [item for item in stages.missing_fields(row, target, user) if not promised & set(item.fields)]
            why = stages.why_not(row, target, user, reason)
            if not why and missing:
                why = _("Lacks: %(fields)s") % {"fields": ", ".join(item.told for item in missing)}
                self.sample = self.sample or row
                for name in {name for item in missing for name in item.fields}:
                    self.lacking[name] = self.lacking.get(name, 0) + 1
            if why:
                self.stays.append({"record": row, "reason": why})

    @property
    def goes(self) -> int:
        return self.looked_at - len(self.stays)

    def form(self, request: HttpRequest) -> RecordFieldsForm | None:
        """The record's own fields that some of the rows lack; what is left empty is not filled in."""
        if self.sample is None:
            return None
        known = {field.name for field in self.sample._meta.concrete_fields if field.editable}
        names = [name for name in self.lacking if name in known]
        if not names:
            return None
        made = RecordFieldsForm(
            request.POST if "go" in request.POST else None, record=self.sample, names=names, user=self.user
        )
        for name in names:
            made.fields[name].initial = None
            made.fields[name].help_text = ngettext(
                "for %(count)d record that lacks it", "for %(count)d records that lack it", self.lacking[name]
            ) % {"count": self.lacking[name]}
        return made


def ask_about(look: Look, selection: Selection, params: dict[str, Any], carried: dict[str, Any]) -> HttpResponse | None:
    """Show what would stay, once; None when that was seen or nothing would. What was filled in goes into `params`."""
    fields, has_seen = look.form(selection.request), "go" in selection.request.POST
    if not has_seen:
        return _looked_at(selection, look, fields, carried) if look.stays else None
    if fields is not None:
        if not fields.is_valid():
            return _looked_at(selection, look, fields, carried)
        params["data"] = {
            name: plain_value(value) for name, value in fields.values().items() if value not in (None, "")
        }
    return None


def _looked_at(
    selection: Selection, look: Look, fields: RecordFieldsForm | None, carried: dict[str, Any]
) -> HttpResponse:
    """The dialog that shows what would stay, and asks for the fields that would help."""
    context = {
        "dialog_title": _("Not all of them can be moved"),
        "dialog_submit": _("Move what can be moved"),
        "dialog_action": selection.request.path,
        "dialog_back": reverse(f"{selection.screen.record_type}-list"),
        "form": fields,
        "hidden": [*selection.hidden(), ("confirmed", "1"), ("go", "1"), *carried.items()],
        "goes": look.goes,
        "looked_at": look.looked_at,
        "count": selection.count,
        "stays": look.stays[:20],
        "stays_more": max(0, len(look.stays) - 20),
    }
    return dialogs.dialog(selection.request, "crm/dialogs/bulk_look.html", context, status=422)


def ask(
    selection: Selection,
    form: forms.Form,
    *,
    title: str,
    submit: str,
    lead: str = "",
    danger: bool = False,
    more: dict[str, str] | None = None,
) -> HttpResponse:
    """The dialog of a bulk action; it carries the selection along."""
    context = {
        "dialog_title": title,
        "dialog_submit": f"{submit} ({selection.count})",
        "dialog_danger": danger,
        "dialog_action": selection.request.path,
        "dialog_back": reverse(f"{selection.screen.record_type}-list"),
        "form": form,
        "hidden": [*selection.hidden(), ("confirmed", "1"), *(more or {}).items()],
        "count": selection.count,
        "left_out": selection.left_out,
        "first_rows": selection.first(),
        "lead": lead,
    }
    return dialogs.dialog(selection.request, "crm/dialogs/bulk.html", context, status=422 if form.errors else 200)
