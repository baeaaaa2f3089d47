"""The dialog that sends a quote to the client."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.models import User
from communications.templates_render import MissingValue
from crm import stages
from crm.errors import DomainError, MissingFields
from crm.models import RecordType
from crm.screens import access, dialogs
from crm.screens.forms import MoveForm, add_errors
from deals.models import Deal, Quote
from deals.quote_sending import addressees, no_address, quote_letter, quote_send, require_sendable, stage_after


class QuoteSendForm(forms.Form):
    """To whom, and with which words."""

    address = forms.ChoiceField(label=gettext_lazy("Send to"))
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=255)
    text = forms.CharField(
        label=gettext_lazy("Text"), max_length=20_000, strip=False, widget=forms.Textarea(attrs={"rows": 9})
    )

    def __init__(self, data: Any = None, *, deal: Deal, initial: dict[str, Any] | None = None) -> None:
        # A prefix: a deal has an address too, and the stage may ask for it in the same dialog.
        super().__init__(data, initial=initial, prefix="letter")
        self.fields["address"].choices = [  # type: ignore[attr-defined]
            (item.address, f"{item.address} – {item.client}") for item in addressees(deal)
        ]

    def clean_text(self) -> str:
        """Something written, not spaces alone."""
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        if not text.strip():
            raise forms.ValidationError(_("Write something first."))
        return text


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_quote_send(request: HttpRequest, pk: int, quote_pk: int) -> HttpResponse:
    """The letter, proposed from the template; where the deal's next stage asks for fields, with them."""
    user: Any = request.user
    deal = access.find_to_change(RecordType.DEAL, pk, user)
    quote = None if user.is_partner else deal.quotes.filter(pk=quote_pk).first()
    if quote is None:
        raise Http404
    try:
        require_sendable(quote, deal)
    except DomainError as error:
        return dialogs.message(request, error.message)
    if not addressees(deal):
        return dialogs.message(request, no_address(deal))
    if request.method != "POST":
        return _shown(request, quote, _proposed(deal, quote), _asked(request, deal), status=200)
    form = QuoteSendForm(request.POST, deal=deal)
    asked = _asked(request, deal)
    are_valid = [each.is_valid() for each in (form, asked) if each is not None]
    return _send(request, quote, form, asked) if all(are_valid) else _shown(request, quote, form, asked)


def _send(request: HttpRequest, quote: Quote, form: QuoteSendForm, asked: MoveForm | None) -> HttpResponse:
    user: Any = request.user
    deal = quote.deal
    before = deal.stage
    try:
        made = quote_send(quote, **form.cleaned_data, by=user, data=asked.values() if asked else None)
    except MissingFields as error:
        if asked is None:
            asked = MoveForm(record=deal, missing=error.missing, user=user)
        if not asked.can_be_filled:
            asked = None
        form.add_error(None, error.message)
    except DomainError as error:
        at_field = asked is not None and any(str(row.get("pointer")).startswith("/data") for row in error.errors)
        add_errors(asked if asked is not None and at_field else form, error)
    else:
        text = _("%(quote)s is on its way to %(address)s.") % {"quote": made.label, "address": made.sent_to}
        after = made.deal.stage_row
        if after.key != before:
            text += " " + _("«%(record)s» → «%(stage)s»") % {"record": deal, "stage": after.name}
        return dialogs.done(request, text, deal, to=deal.get_absolute_url(), go=True)
    return _shown(request, quote, form, asked)


def _proposed(deal: Deal, quote: Quote) -> QuoteSendForm:
    """The template's words; where it asks for what the deal lacks, an empty letter and the reason."""
    try:
        letter = quote_letter(quote)
    except MissingValue as error:
        form = QuoteSendForm(deal=deal)
        form.fields["text"].help_text = error.message
        return form
    return QuoteSendForm(deal=deal, initial={"subject": letter.subject, "text": letter.text})


def _asked(request: HttpRequest, deal: Deal) -> MoveForm | None:
    """The fields that the deal's next stage asks for; filled in where the dialog has shown them."""
    target = stage_after(deal)
    has_seen = request.method != "POST" or "fields" in request.POST
    if target is None or not has_seen:
        return None
    user: User = request.user  # type: ignore[assignment]
    missing = stages.missing_fields(deal, target, user)
    form = MoveForm(request.POST or None, record=deal, missing=missing, user=user)
    return form if form.can_be_filled else None


def _shown(
    request: HttpRequest, quote: Quote, form: QuoteSendForm, asked: MoveForm | None, *, status: int = 422
) -> HttpResponse:
    context = {
        "dialog_title": _("Send %(quote)s") % {"quote": quote.label},
        "form": form,
        "asked": asked,
        "quote": quote,
        "to_stage": stage_after(quote.deal),
        "dialog_action": request.path,
        "dialog_back": quote.deal.get_absolute_url(),
        "dialog_submit": _("Send"),
    }
    return dialogs.dialog(request, "deals/quote_send.html", context, status=status)
