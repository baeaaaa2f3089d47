"""The exclusion list in the settings: search, add, take out, and what was held back (LEAD-15)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from communications.models import Submission
from crm import normalize, undo
from crm.actors import Actor
from crm.errors import DomainError
from crm.exclusions import exclusion_remove, exclusion_restore, exclusions_keep
from crm.http import paginate
from crm.models import Exclusion
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.screens.list_files import FileColumn, file_asked, list_file
from crm.views.settings_nav import settings_context, settings_page

PAGE = "settings-exclusions"


class ExclusionForm(forms.Form):
    """What is put on the list and why."""

    kind = forms.ChoiceField(label=gettext_lazy("What it is"), choices=Exclusion.Kind.choices)
    value = forms.CharField(
        label=gettext_lazy("Value"),
        max_length=50_000,
        help_text=gettext_lazy("Several by commas or on lines of their own."),
        widget=forms.Textarea(attrs={"rows": 2, "autofocus": True}),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=255)


def found(search: str, kind: str = "") -> Any:
    """The rows in force, with how many requests each has held back; a phone is found in any form it is typed in."""
    rows = Exclusion.objects.select_related("added_by").annotate(held=Count("submissions")).order_by("-added_at", "-id")
    if kind in Exclusion.Kind.values:
        rows = rows.filter(kind=kind)
    text = normalize.one_line(search, 254)
    if not text:
        return rows
    wanted = Q(value__icontains=text.lower()) | Q(reason__icontains=text) | Q(added_by__last_name__icontains=text)
    digits = normalize.digits(text)
    if len(digits) >= 4:
        wanted |= Q(value__contains=digits[1:] if len(digits) == 11 else digits)
    return rows.filter(wanted)


EXCLUSION_FILE = (
    FileColumn(gettext_lazy("What it is"), lambda row: row.get_kind_display()),
    FileColumn(gettext_lazy("Value"), lambda row: row.value),
    FileColumn(gettext_lazy("Reason"), lambda row: row.reason),
    FileColumn(gettext_lazy("Added"), lambda row: row.added_at, "moment"),
    FileColumn(gettext_lazy("Who added it"), lambda row: str(row.added_by or "")),
    FileColumn(gettext_lazy("Held back"), lambda row: row.held, "number"),
)


@settings_page
@require_safe
def exclusions(request: HttpRequest) -> HttpResponseBase:
    """The list."""
    search, kind = request.GET.get("search", "").replace("\x00", ""), request.GET.get("kind", "")
    rows = found(search, kind)
    if file_asked(request):
        told = "; ".join(word for word in (search.strip(), str(dict(Exclusion.Kind.choices).get(kind, ""))) if word)
        about = _("Filter: %(filter)s") % {"filter": told or _("none")}
        return list_file(request, "exclusions", EXCLUSION_FILE, rows, about=about)
    page = paginate(request, rows)
    context = {
        **settings_context(request, PAGE),
        "page": page,
        "search": search,
        "kind": kind,
        "kinds": Exclusion.Kind.choices,
        "held_total": Submission.objects.filter(state=Submission.State.HELD, exclusion__isnull=False).count(),
    }
    return render(request, "communications/exclusions.html", context)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def exclusion_add_page(request: HttpRequest) -> HttpResponse:
    """Put somebody on the list."""
    form = ExclusionForm(request.POST or None)
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        try:
            added = exclusions_keep(kind=given["kind"], values=given["value"], reason=given["reason"], by=request.user)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = ngettext("%(count)d row added.", "%(count)d rows added.", len(added)) % {"count": len(added)}
            return dialogs.done(
                request, text if added else _("They are on the list already."), to=reverse(PAGE), go=True
            )
    context = {
        "dialog_title": _("Add to the exclusion list"),
        "form": form,
        "dialog_action": request.path,
        "dialog_submit": _("Add"),
        "dialog_back": reverse(PAGE),
        "dialog_size": "dialog-small",
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)


@settings_page
@require_POST
def exclusion_remove_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Take somebody out of the list; the toast puts them back."""
    user: Any = request.user
    row = Exclusion.objects.filter(pk=pk).first()
    if row is None:
        raise Http404
    exclusion_remove(row, by=user)
    text = _("«%(value)s» is off the exclusion list.") % {"value": row.value}
    undo_url = undo.offer(user, "exclusion", id=row.pk)
    return dialogs.done(request, text, to=reverse(PAGE), go=True, undo_url=undo_url)


@undo.undoer("exclusion")
def _undo_removal(by: Actor, payload: Any) -> str:
    row = exclusion_restore(Exclusion.every.get(pk=payload["id"]), by=by)
    return _("«%(value)s» is on the exclusion list again.") % {"value": row.value}
