"""The dialog «Создать копию ЛИД + Сделка» on a deal's card, and the way back (DEAL-9)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from crm.errors import DomainError
from crm.formfields import field_for
from crm.http import triggers
from crm.screens import access, dialogs
from crm.screens.forms import add_errors
from deals.models import CopySet, Deal
from leads.copies import MAX_COPIES, make_copies, undo_copies

COLUMNS = ("title", "amount", "address", "length", "width", "request_text")


class CopiesForm(forms.Form):
    """How many copies; the responsible stays the mother deal's."""

    count = forms.IntegerField(
        label=gettext_lazy("How many copies"),
        min_value=1,
        max_value=MAX_COPIES,
        widget=forms.NumberInput(attrs={"autofocus": True, "inputmode": "numeric"}),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_copies(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask how many and what differs, make them, and show links to all of them."""
    user: Any = request.user
    deal = access.find_to_change("deal", pk, user)
    if deal.partner_id is not None:
        raise Http404
    form = CopiesForm(request.POST or None)
    key = request.POST.get("idempotency_key", "")[:60] or secrets.token_urlsafe(12)
    if form.is_bound and form.is_valid():
        count = form.cleaned_data["count"]
        try:
            rows = read_rows(request.POST, count, user)
            made = make_copies(deal_id=deal.pk, by=user, count=count, key=f"{user.pk}:{key}", rows=rows)
        except DomainError as error:
            add_errors(form, error)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _made(request, deal, made)
    context = {
        "form": form,
        "copy_columns": [{"name": name, "label": _label(name)} for name in COLUMNS],
        "copy_max": MAX_COPIES,
        "idempotency_key": key,
        "dialog_action": request.path,
        "dialog_back": deal.get_absolute_url(),
        "dialog_submit": _("Create the copies"),
        "dialog_size": "dialog-wide",
        "record": deal,
    }
    return dialogs.dialog(request, "leads/copies.html", context, status=422 if form.errors else 200)


def read_rows(data: Mapping[str, Any], count: int, user: User) -> list[dict[str, Any]]:
    """The small table: per copy what differs, read as the deal's own form reads it."""
    fields = {name: field_for(Deal, name, user) for name in COLUMNS}
    rows: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        row = {}
        for name, field in fields.items():
            raw = str(data.get(f"row-{number}-{name}", "")).strip()
            if not raw:
                continue
            try:
                row[name] = field.clean(raw)
            except ValidationError as error:
                text = _("Copy %(number)s, %(field)s: %(error)s") % {
                    "number": number,
                    "field": field.label,
                    "error": " ".join(error.messages),
                }
                raise ValidationError(text) from error
        rows.append(row)
    return rows


def _label(name: str) -> str:
    words = str(Deal._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
    return words[:1].upper() + words[1:]


def _made(request: HttpRequest, deal: Deal, made: CopySet) -> HttpResponse:
    copies = made.deals.all().order_by("pk").prefetch_related("leads")  # type: ignore[attr-defined]
    context = {
        "dialog_title": ngettext("%(count)d copy is ready", "%(count)d copies are ready", made.count)
        % {"count": made.count},
        "deal": deal,
        "copies": [{"deal": copy, "lead": next(iter(copy.leads.all()), None)} for copy in copies],
        "undo_url": reverse("copies-undo", args=[made.pk]),
        "dialog_back": deal.get_absolute_url(),
    }
    response = dialogs.dialog(request, "leads/copies_made.html", context)
    changed = {"id": deal.pk, "type": "deal"}
    return triggers(response, recordChanged=changed) if dialogs.is_partial(request) else response


@login_required
@require_POST
def copies_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a set of copies back, while nothing new hangs on it."""
    user: Any = request.user
    copy_set = CopySet.objects.filter(pk=pk).select_related("mother").first()
    if copy_set is None:
        raise Http404
    mother = access.find_to_change("deal", copy_set.mother_id, user)
    try:
        undo_copies(copy_set_id=copy_set.pk, by=user)
    except DomainError as error:
        return dialogs.message(request, error.message, title=_("The copies stay"))
    text = ngettext("%(count)d copy was taken back.", "%(count)d copies were taken back.", copy_set.count)
    return dialogs.done(request, text % {"count": copy_set.count}, mother)
