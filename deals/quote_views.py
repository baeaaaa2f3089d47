"""Quotes of a deal: make one, look at it before, read what was made."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from crm import preferences
from crm.errors import DomainError
from crm.formfields import FullDayField
from crm.models import RecordType
from crm.screens import access, dialogs
from crm.screens.forms import add_errors
from deals.quotes import quote_create, quote_preview, require_quotable


class QuoteForm(forms.Form):
    """What a quote says beside the lines."""

    terms = forms.CharField(
        label=gettext_lazy("Terms"), required=False, max_length=3000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=gettext_lazy("Payment, dates, delivery: printed below the sum."),
    )  # fmt: skip
    valid_until = FullDayField(label=gettext_lazy("Valid until"), required=False)
    is_new = forms.BooleanField(
        label=gettext_lazy("With a new number"), required=False,
        help_text=gettext_lazy("Otherwise it is the next version of the last one."),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, has_one: bool) -> None:
        super().__init__(data)
        self.fields["terms"].initial = preferences.get("quote_terms")
        days = preferences.get("quote_valid_days")
        self.fields["valid_until"].help_text = _("Empty: for %(days)s days.") % {"days": days}
        if not has_one:
            del self.fields["is_new"]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_quote(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog of a new quote, or of a new version of the last one."""
    user: Any = request.user
    deal = access.find_to_change(RecordType.DEAL, pk, user)
    try:
        require_quotable(deal)
    except DomainError as error:
        return dialogs.message(request, error.message)
    last = deal.quotes.first()
    form = QuoteForm(request.POST or None, has_one=last is not None)
    if form.is_bound and form.is_valid():
        given = {name: value for name, value in form.cleaned_data.items() if value not in (None, "")}
        try:
            made = quote_create(deal, by=user, **given)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("The quote %(number)s is made.") % {"number": made.label}
            return dialogs.done(request, text, deal, to=deal.get_absolute_url(), go=True)
    context = {
        "dialog_title": _("Quote") if last is None else _("Quote: after %(number)s") % {"number": last.label},
        "form": form,
        "dialog_action": request.path,
        "dialog_back": deal.get_absolute_url(),
        "dialog_submit": _("Make the quote"),
        "preview_url": reverse("deal-quote-preview", args=[pk]),
    }
    return dialogs.dialog(request, "deals/quote.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_quote_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The file as it would be, shown in the browser; nothing is kept and no number is taken.

    With the terms and the day of the dialog where these are posted, else with the usual ones.
    """
    deal = access.find_to_change(RecordType.DEAL, pk, request.user)  # type: ignore[arg-type]
    form = QuoteForm(request.POST or None, has_one=False)
    if form.is_bound and not form.is_valid():
        return dialogs.message(request, str(next(iter(form.errors.values()))[0]))
    asked = form.cleaned_data if form.is_bound else {"terms": preferences.get("quote_terms")}
    try:
        made = quote_preview(deal, **asked)
    except DomainError as error:
        return dialogs.message(request, error.message)
    return HttpResponse(
        made, content_type="application/pdf", headers={"Content-Disposition": 'inline; filename="quote.pdf"'}
    )
