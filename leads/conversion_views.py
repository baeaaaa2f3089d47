"""The dialog that makes a contact, a company and a deal of a lead: a proposal, to be changed (LEAD-10, LEAD-11)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.models import User
from crm.actors import Actor
from crm.errors import DomainError, InvalidInput, MissingField, MissingFields, StageError
from crm.formfields import InnField, NumberField, RecordChoice, field_for
from crm.models import RecordType
from crm.normalize import format_phone
from crm.screens import access, dialogs
from crm.services import PROTECTED
from crm.visibility import visible_record
from deals.models import Deal
from leads.conversion import COMPANY, CONTACT_ONLY, PERSON, ConversionChoice, ConversionPlan, convert, plan
from leads.conversion_preview import Preview, preview
from leads.models import Lead
from leads.rights import require_converter
from leads.stages import CONTACT_SAVED

NEW, OTHER = "new", "other"
DEAL_FIELD = "deal_"
KINDS = (
    (COMPANY, gettext_lazy("Company: company, contact, deal")),
    (PERSON, gettext_lazy("Private person: contact, deal")),
    (CONTACT_ONLY, gettext_lazy("Only a contact, no deal")),
)
# Where the service's pointers stand in this form.
FIELD_OF = {
    "company/name": "company_name", "contact/name": "last_name", "contact_id": "contact", "company_id": "company",
    "deal_id": "deal",
}  # fmt: skip


# Namesakes are many; those who matter are found by phone, e-mail or INN.
MOST_ALIKE = 3


def _known_as(record: Any) -> str:
    """A client with what tells namesakes apart."""
    parts = (str(record), format_phone(record.phone) if record.phone else "", getattr(record, "inn", ""), record.city)
    return ", ".join(part for part in parts if part)


class ConversionForm(forms.Form):
    """What becomes of the lead, with the proposal filled in."""

    kind = forms.ChoiceField(label=gettext_lazy("Who is it"), choices=KINDS, widget=forms.RadioSelect)
    contact = forms.ChoiceField(label=gettext_lazy("Contact"), widget=forms.RadioSelect, required=False)
    last_name = forms.CharField(label=gettext_lazy("Last name"), max_length=100, required=False)
    first_name = forms.CharField(label=gettext_lazy("First name"), max_length=100, required=False)
    patronymic = forms.CharField(label=gettext_lazy("Patronymic"), max_length=100, required=False)
    company = forms.ChoiceField(label=gettext_lazy("Company"), widget=forms.RadioSelect, required=False)
    company_name = forms.CharField(label=gettext_lazy("Company name"), max_length=255, required=False)
    inn = InnField(label=gettext_lazy("INN"), max_length=20, required=False)
    deal = forms.ChoiceField(label=gettext_lazy("Deal"), widget=forms.RadioSelect, required=False)
    amount = NumberField(label=gettext_lazy("Amount, ₽"), required=False, max_digits=15, decimal_places=2, min_value=0)

    def __init__(self, data: Any = None, *, proposal: ConversionPlan, user: User, kind: str = "") -> None:
        lead = proposal.lead
        initial = {
            "kind": kind or proposal.kind,
            "contact": str(proposal.contact_id or NEW),
            "company": str(proposal.company_id or NEW),
            "deal": NEW,
            "company_name": proposal.company["name"],
            "inn": proposal.company["inn"],
            "amount": lead.amount,
            **proposal.contact,
        }
        super().__init__(data, initial=initial)
        self.fields["contact_other"] = RecordChoice(
            RecordType.CONTACT, user, label=_("Another contact"), required=False
        )
        self.fields["company_other"] = RecordChoice(
            RecordType.COMPANY, user, label=_("Another company"), required=False
        )
        self._offer("contact", proposal.contact_id, proposal.contact_matches, _("New contact"), lead.contact)
        self._offer("company", proposal.company_id, proposal.company_matches, _("New company"), lead.company)
        choice: Any = self.fields["deal"]
        choice.choices = [(NEW, _("New deal")), *((str(deal.pk), f"№ {deal.pk} {deal}") for deal in proposal.deals)]

    def _offer(self, name: str, chosen: int | None, matches: Any, new: str, linked: Any) -> None:
        """The matches with their reasons, a new one, and any other one by search."""
        rows: dict[str, str] = {}
        if linked is not None and linked.pk == chosen:
            rows[str(linked.pk)] = f"{linked} — {_('linked to the lead')}"
        alike = 0
        for match in matches:
            alike += not match.is_sure
            if match.record is not None and (match.is_sure or alike <= MOST_ALIKE):
                rows.setdefault(str(match.record.pk), f"{_known_as(match.record)} — {', '.join(match.reasons)}")
        field: Any = self.fields[name]
        field.choices = [*rows.items(), (NEW, new), (OTHER, _("Another one, by search"))]

    def clean(self) -> dict[str, Any]:
        """«Another one» needs to be chosen."""
        given = super().clean() or {}
        kind = given.get("kind")
        for name, kinds in (("contact", {COMPANY, PERSON, CONTACT_ONLY}), ("company", {COMPANY})):
            if given.get(name) == OTHER and kind in kinds and given.get(f"{name}_other") is None:
                self.add_error(f"{name}_other", _("Choose from the list, or take another option."))
        return given

    def chosen(self, name: str) -> int | None:
        """The id of the existing record that was chosen, None for a new one."""
        value = self.cleaned_data.get(name) or NEW
        if value == OTHER:
            other = self.cleaned_data.get(f"{name}_other")
            return other.pk if other is not None else None
        return None if value == NEW else int(value)

    def ask_deal_fields(self, names: Iterable[str], user: User) -> None:
        """Ask for what the deal's first stage requires, in the same window."""
        for name in names:
            column = next((field for field in Deal._meta.concrete_fields if field.name == name), None)
            if column is not None and column.editable and name not in PROTECTED:
                self.fields[f"{DEAL_FIELD}{name}"] = field_for(Deal, name, user, required=False)

    @property
    def deal_fields(self) -> list[Any]:
        """The bound fields of what the deal requires."""
        return [self[name] for name in self.fields if name.startswith(DEAL_FIELD)]

    def choice(self, owners: dict[str, str]) -> ConversionChoice:
        """What the service is asked to do."""
        given = self.cleaned_data
        contact = {name: given[name] for name in ("last_name", "first_name", "patronymic") if given.get(name)}
        company = {"name": given.get("company_name") or "", "inn": given.get("inn") or ""}
        amount = given.get("amount")
        deal = {name.removeprefix(DEAL_FIELD): given[name] for name in self.fields if name.startswith(DEAL_FIELD)}
        deal = {name: value for name, value in {**deal, "amount": amount}.items() if value not in (None, "")}
        is_deal = given["kind"] != CONTACT_ONLY
        return ConversionChoice(
            kind=given["kind"],
            contact_id=self.chosen("contact"),
            company_id=self.chosen("company") if given["kind"] == COMPANY else None,
            deal_id=self.chosen("deal") if is_deal else None,
            contact=contact,
            company=company,
            deal=deal,
            point_owners=owners if given["kind"] == COMPANY else {},
        )


def proposed_choice(proposal: ConversionPlan, kind: str) -> ConversionChoice:
    """What the dialog proposes, before anybody has changed anything."""
    wanted = kind or proposal.kind
    return ConversionChoice(
        kind=wanted,
        contact_id=proposal.contact_id,
        company_id=proposal.company_id if wanted == COMPANY else None,
        contact={name: value for name, value in proposal.contact.items() if value},
        company={name: value for name, value in proposal.company.items() if value},
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def lead_convert(request: HttpRequest, pk: int) -> HttpResponse:
    """The proposal, then the conversion; a second press finds what the first one made."""
    user: Any = request.user
    lead = access.find_to_change("lead", pk, user)
    require_converter(Actor.of(user))
    proposal = plan(lead, user)
    if proposal.done is not None:
        return _finished(request, proposal.done, _("This lead has been converted already."))
    kind = CONTACT_ONLY if request.GET.get("to") == CONTACT_SAVED else ""
    form = ConversionForm(request.POST or None, proposal=proposal, user=user, kind=kind)
    form.ask_deal_fields(request.POST.getlist("deal_field"), user)
    if "preview" in request.GET:
        return render(request, "leads/convert.html#preview", {"preview": _preview(request, form, proposal, kind)})
    if form.is_bound and form.is_valid():
        try:
            made = convert(lead_id=lead.pk, by=user, choice=form.choice(_owners(request, proposal)))
        except InvalidInput as error:
            _place_errors(form, error)
        except MissingFields as error:
            form.ask_deal_fields(asked_fields(error.missing), user)
            form.add_error(None, error.message)
        except StageError as error:
            return dialogs.message(request, error.message)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            return _finished(request, made, _("The lead is converted."))
    shown = _preview(request, form, proposal, kind)
    form.ask_deal_fields(asked_fields(shown.missing), user)
    context = {
        "dialog_title": _("Convert the lead"),
        "dialog_action": request.get_full_path(),
        "dialog_back": lead.get_absolute_url(),
        "dialog_submit": _("Convert"),
        "dialog_size": "dialog-wide",
        "record": lead,
        "form": form,
        "points": [{"number": number, "point": point} for number, point in enumerate(proposal.points)],
        "name_is_missing": proposal.name_is_missing,
        "preview": shown,
        "preview_url": f"{reverse('lead-convert', args=[lead.pk])}?preview",
    }
    return dialogs.dialog(request, "leads/convert.html", context, status=422 if form.errors else 200)


def asked_fields(missing: Iterable[MissingField]) -> list[str]:
    """The deal's own fields that would meet what is missing."""
    return [name for item in missing for name in item.fields if "__" not in name]


def _preview(request: HttpRequest, form: ConversionForm, proposal: ConversionPlan, kind: str) -> Preview:
    """What would be made as the window stands now; a field that cannot be read is told at the field, on sending."""
    user: Any = request.user
    if not form.is_bound:
        return preview(lead_id=proposal.lead.pk, by=user, choice=proposed_choice(proposal, kind))
    if not form.is_valid():
        texts = [str(text) for rows in form.errors.values() for text in rows]
        return Preview(problem=" ".join(texts))
    return preview(lead_id=proposal.lead.pk, by=user, choice=form.choice(_owners(request, proposal)))


def _owners(request: HttpRequest, proposal: ConversionPlan) -> dict[str, str]:
    """Whose each phone and e-mail is, as the person left or changed it."""
    found = {}
    for number, point in enumerate(proposal.points):
        owner = request.POST.get(f"owner-{number}", point.owner)
        found[point.value] = owner if owner in {"contact", "company"} else point.owner
    return found


def _place_errors(form: ConversionForm, error: InvalidInput) -> None:
    for row in error.errors or [{"pointer": "", "message": error.message}]:
        pointer = str(row.get("pointer", "")).strip("/")
        name = FIELD_OF.get(pointer, pointer.rsplit("/", 1)[-1])
        form.add_error(name if name in form.fields else None, str(row.get("message") or error.message))


def _finished(request: HttpRequest, made: Any, text: str) -> HttpResponse:
    """On to what the lead became: its deal, else the contact, else the lead itself."""
    lead: Lead = made.lead
    user: Any = request.user
    made_records = [(row.RECORD_TYPE, row.pk) for row in (made.deal, made.contact) if row is not None]
    target = next((row for kind, pk in made_records if (row := visible_record(kind, pk, user))), lead)
    # A partner changes nothing that is finished, a conversion neither.
    undo_url = "" if made.is_repeat or user.is_partner else reverse("lead-unconvert", args=[lead.pk])
    return dialogs.done(request, text, lead, to=target.get_absolute_url(), undo_url=undo_url, go=True)
