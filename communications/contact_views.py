"""On a card: what came past the product's own channels is noted by hand, and a letter is written to the client."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from communications.addressees import address_choices, addressees, no_address
from communications.client_letters import letter_proposed, letter_write
from communications.models import MessageTemplate
from communications.services import ContactWay, contact_note
from crm.errors import DomainError
from crm.models import RecordType, StagedRecord
from crm.screens import access, dialogs, happening
from crm.screens.forms import add_errors

# Behind an object stands no one client.
OF_CLIENTS = (RecordType.LEAD, RecordType.DEAL, RecordType.CONTACT, RecordType.COMPANY)


class ContactNoteForm(forms.Form):
    """What there was, and what it was about."""

    way = forms.ChoiceField(label=gettext_lazy("How it was"), choices=ContactWay.choices)
    text = forms.CharField(
        label=gettext_lazy("What about"), required=False, max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="id_contact_%s")


class WriteForm(forms.Form):
    """A letter to the client, of one's own words or begun by a template."""

    address = forms.ChoiceField(label=gettext_lazy("Send to"))
    template = forms.ModelChoiceField(
        MessageTemplate.objects.none(), label=gettext_lazy("Template"), required=False,
        empty_label=gettext_lazy("my own words"),
    )  # fmt: skip
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=255)
    text = forms.CharField(
        label=gettext_lazy("Text"), max_length=20_000, strip=False, widget=forms.Textarea(attrs={"rows": 12})
    )

    def __init__(self, data: Any = None, *, record: StagedRecord, url: str) -> None:
        super().__init__(data, prefix="letter")
        fields: Any = self.fields
        fields["address"].choices = address_choices(record)
        fields["template"].queryset = MessageTemplate.objects.all()
        # Another template: the dialog comes anew with its text.
        fields["template"].widget.attrs |= {
            "hx-post": url, "hx-trigger": "change", "hx-include": "closest form", "hx-target": "#dialog-body",
            "hx-vals": '{"fill": "1"}',
        }  # fmt: skip


def composer_part(_user: User, record: StagedRecord) -> dict[str, Any] | None:
    """The part of the composer for what came by phone or face to face."""
    if record.RECORD_TYPE not in OF_CLIENTS:
        return None
    args = [record.RECORD_TYPE, record.pk]
    return {
        "code": "contact",
        "label": _("Talk"),
        "icon": "phone",
        "form": ContactNoteForm(),
        "url": reverse("client-contact", args=args),
        "submit": _("Write down"),
    }


def letter_link(user: User, record: StagedRecord) -> dict[str, Any] | None:
    """The way to the dialog of a letter; partners write from their own mailboxes."""
    if record.RECORD_TYPE not in OF_CLIENTS or user.is_partner:
        return None
    url = reverse("client-letter", args=[record.RECORD_TYPE, record.pk])
    return {"code": "letter", "label": _("Letter"), "icon": "mail", "link": url}


def _find(request: HttpRequest, record_type: str, pk: int) -> Any:
    if record_type not in OF_CLIENTS:
        raise Http404
    return access.find_to_change(record_type, pk, request.user, "comment")  # type: ignore[arg-type]


@login_required
@require_POST
def client_contact(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """A call, a meeting, a message in somebody's own messenger: noted, and told to the robots."""
    record = _find(request, record_type, pk)
    form = ContactNoteForm(request.POST)
    if form.is_valid():
        try:
            contact_note(record, by=request.user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return happening.written(request, record, _("It is on the timeline."))
    return happening.again(request, record, "contact", form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def client_letter(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """The dialog of a letter: a template puts its words in, a person finishes and sends them."""
    user: Any = request.user
    record = _find(request, record_type, pk)
    if user.is_partner:
        raise Http404
    if not addressees(record):
        return dialogs.message(request, no_address(record), title=_("Letter to the client"), status=200)
    is_sent = request.method == "POST" and "fill" not in request.POST
    form = WriteForm(request.POST if request.method == "POST" else None, record=record, url=request.path)
    if request.method == "POST" and not is_sent:
        return _shown(request, record, _filled(form, record, request.path), status=200)
    if is_sent and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("address", "subject", "text")}
        try:
            letter = letter_write(record, **given, by=user)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("The letter is on its way to %(address)s.") % {"address": letter.address}
            return dialogs.done(request, text, record)
    return _shown(request, record, form, status=422 if is_sent else 200)


def _filled(form: WriteForm, record: StagedRecord, url: str) -> WriteForm:
    """The form with the words of the template that was chosen; what it lacks is said at the text."""
    form.is_valid()
    template, address = form.cleaned_data.get("template"), form.cleaned_data.get("address", "")
    fresh = WriteForm(record=record, url=url)
    fresh.initial = {"address": address, "template": template}
    if template is not None:
        letter, problem = letter_proposed(record, template, address=address)
        fresh.initial |= {"subject": letter.subject, "text": letter.text}
        fresh.fields["text"].help_text = problem
    return fresh


def _shown(request: HttpRequest, record: StagedRecord, form: WriteForm, *, status: int) -> HttpResponse:
    context = {
        "dialog_title": _("Letter to the client"),
        "form": form,
        "dialog_action": request.path,
        "dialog_back": record.get_absolute_url(),
        "dialog_submit": _("Send"),
        "dialog_size": "dialog-wide",
    }
    return dialogs.dialog(request, "communications/letter.html", context, status=status)
