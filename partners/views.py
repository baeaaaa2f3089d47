"""The registry of partners for the manufacturer: list, card, new, changes, users, pausing and closing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, wraps
from typing import Any, TypeVar, cast

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import identity
from accounts.models import Partner, User
from crm.errors import DomainError
from crm.http import paginate
from crm.models import Contact
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.screens.list_files import FileColumn, file_asked, list_file
from crm.templatetags import ui
from partners import registry, services
from partners.commission import rule_in_force, rules_in_force, terms_text
from partners.documents import documents_of, ending_before
from partners.forms import CloseForm, PartnerForm, PartnerUserForm
from partners.models import PartnerProfile
from partners.registry import profile_of
from partners.rights import may_control, may_manage
from partners.selectors import handoffs_for, partners_for, partners_with_load, twins_in_bulk
from partners.statement import NOUGHT, balances

Page = TypeVar("Page", bound=Callable[..., HttpResponseBase])


def controllers_only(page: Page) -> Page:
    """A page of those who control partners; 403 for other people who are signed in."""

    @wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_control(cast("User", request.user)):
            raise PermissionDenied
        return page(request, *args, **kwargs)

    return cast("Page", guarded)


def find_partner(user: User, pk: int, *, manage: bool = False) -> Partner:
    """A partner for those who control partners (heads, to change it); 404 for others, 403 where one may look."""
    if not may_control(user):
        raise Http404
    partner = partners_for(user).filter(pk=pk).first()
    if partner is None:
        raise Http404
    if manage and not may_manage(user):
        raise PermissionDenied
    return partner


PARTNER_FILE = (
    FileColumn(gettext_lazy("Partner"), lambda row: row["partner"].name),
    FileColumn(gettext_lazy("State"), lambda row: row["partner"].get_state_display()),
    FileColumn(gettext_lazy("Contact person"), lambda row: row["profile"].contact_name),
    FileColumn(gettext_lazy("Phone"), lambda row: row["profile"].phone),
    FileColumn(gettext_lazy("Regions"), lambda row: ", ".join(row["profile"].regions)),
    FileColumn(gettext_lazy("Contract"), lambda row: row["profile"].contract),
    FileColumn(gettext_lazy("Commission"), lambda row: row["terms"]),
    FileColumn(gettext_lazy("Commission due, ₽"), lambda row: row["due"], "money"),
    FileColumn(gettext_lazy("People"), lambda row: row["partner"].active_users, "number"),
    FileColumn(gettext_lazy("Open leads"), lambda row: row["partner"].open_leads, "number"),
    FileColumn(gettext_lazy("Open deals"), lambda row: row["partner"].open_deals, "number"),
)


def _with_profiles(partners: Iterable[Partner], user: User) -> list[dict[str, Any]]:
    """The rows of the list: with each partner its profile, terms of commission and what it is due."""
    rows = list(partners)
    keys = [row.pk for row in rows]
    terms, due = rules_in_force(keys), balances(user, keys)
    return [
        {
            "partner": row,
            "profile": profile_of(row),
            "terms": terms_text(terms.get(row.pk)),
            "due": due.get(row.pk, NOUGHT),
        }
        for row in rows
    ]


@login_required
@require_safe
@controllers_only
def partner_list(request: HttpRequest) -> HttpResponseBase:
    """All partners with their load."""
    user: Any = request.user
    rows = partners_with_load(user).select_related("profile").order_by("state", "name")
    if file_asked(request):
        return list_file(request, "partners", PARTNER_FILE, rows, about=_("All partners"),
                         shown=partial(_with_profiles, user=user))  # fmt: skip
    page = paginate(request, rows)
    context = {
        "page": page,
        "partners": _with_profiles(page, user),
        "may_manage": may_manage(user),
    }
    return render(request, "partners/list.html", context)


@login_required
@require_safe
def partner_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The card of a partner: profile, people, latest hand-overs."""
    user: Any = request.user
    partner = find_partner(user, pk)
    load = partners_with_load(user).get(pk=pk)
    handoffs = list(handoffs_for(user).filter(partner=partner).order_by("-handed_at")[:20])
    twins = twins_in_bulk(user, handoffs)
    more = f"partner={pk}&kind=open"
    context = {
        "partner": partner,
        "profile": profile_of(partner),
        "people": partner.users.order_by("-is_active", "last_name", "pk"),
        "handoffs": [{"handoff": row, "twin": twins.get((row.record_type, row.twin_id))} for row in handoffs],
        "may_manage": may_manage(user),
        "sees_as": load.active_users,
        "contacts": _contacts(profile_of(partner), user),
        "details": _details(profile_of(partner)),
        "documents": documents_of(partner, user),
        "ending_before": ending_before(),
        "terms": terms_text(rule_in_force(pk)),
        "stats": [
            {"label": _("Open leads"), "value": load.open_leads,
             "url": f"{reverse('lead-list')}?pipeline=partner_lead&{more}"},
            {"label": _("Open deals"), "value": load.open_deals,
             "url": f"{reverse('deal-list')}?pipeline=partner_deal&{more}"},
            {"label": _("People who sign in"), "value": load.active_users},
            {"label": _("Commission due"), "value": ui.money(balances(user, [pk]).get(pk, NOUGHT)),
             "url": reverse("partner-commission", args=[pk])},
        ],
        "has_open": bool(load.open_leads or load.open_deals),
    }  # fmt: skip
    return render(request, "partners/detail.html", context)


def _contacts(profile: PartnerProfile, user: User) -> list[Contact]:
    """The people of the partner's company whom the reader sees: with whom to speak, whether they sign in or not."""
    if profile.company_id is None:
        return []
    rows: Any = Contact.objects.visible_to(user)
    return list(rows.alive().filter(company=profile.company_id).order_by("last_name", "pk")[:20])


DETAILS = ("inn", "kpp", "ogrn", "legal_address", "bank", "bik", "account", "corr_account", "signatory")
WIDE = frozenset({"legal_address", "bank", "account", "corr_account", "signatory"})


def _details(profile: PartnerProfile) -> list[dict[str, Any]]:
    """What is known of the partner's company on paper; control sees it too, who does not see the company itself."""
    # The company is out of control's sight, and so for control it is not in the database.
    with identity.as_system():
        company = profile.company
    if company is None:
        return []
    found = []
    for name in DETAILS:
        if value := getattr(company, name):
            label = str(company._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
            found.append({"label": label[:1].upper() + label[1:], "value": value, "is_wide": name in WIDE})
    return found


def _values(profile: PartnerProfile) -> dict[str, Any]:
    """What the form starts with."""
    values = {name: getattr(profile, name) for name in services.PROFILE_FIELDS}
    return {**values, "regions": ", ".join(profile.regions), "name": profile.partner.name if profile.partner_id else ""}


def _form_page(request: HttpRequest, form: forms.Form, title: str, back: str, submit: str) -> HttpResponse:
    context = {"title": title, "form": form, "back_url": back, "submit": submit, "form_class": "grid-2"}
    return render(request, "components/form_page.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def partner_create(request: HttpRequest) -> HttpResponse:
    """A new partner."""
    user: Any = request.user
    if not may_manage(user):
        raise PermissionDenied
    form = PartnerForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            partner = registry.partner_enter(by=user, data=form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            to = reverse("partner-detail", args=[partner.pk])
            return dialogs.done(request, _told(form.cleaned_data), to=to, go=True)
    return _form_page(request, form, _("New partner"), reverse("partner-list"), _("Create"))


def _told(data: dict[str, Any]) -> str:
    email = data["person_email"]
    if not email:
        return _("The partner is in the registry. Add its people.")
    return _("The partner is in the registry, a letter invites %(email)s to set a password.") % {"email": email}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def partner_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Name and profile of a partner."""
    user: Any = request.user
    partner = find_partner(user, pk, manage=True)
    back = reverse("partner-detail", args=[pk])
    form = PartnerForm(request.POST or None, is_known=True)
    form.initial = _values(profile_of(partner))
    if form.is_bound and form.is_valid():
        try:
            registry.partner_change(partner, by=user, data=form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("Saved."), to=back, go=True)
    return _form_page(request, form, partner.name, back, _("Save"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def partner_user_add(request: HttpRequest, pk: int) -> HttpResponse:
    """An account for a person of a partner, who is invited by letter."""
    user: Any = request.user
    partner = find_partner(user, pk, manage=True)
    form = PartnerUserForm(request.POST or None)
    back = reverse("partner-detail", args=[pk])
    if form.is_bound and form.is_valid():
        try:
            made = registry.person_add(partner, by=user, data=form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("The account is made, a letter invites %(email)s to set a password.")
            return dialogs.done(request, text % {"email": made.email}, to=back, go=True)
    context = {
        "dialog_title": _("New person of «%(partner)s»") % {"partner": partner},
        "form": form,
        "dialog_action": request.path,
        "dialog_submit": _("Create"),
        "dialog_back": back,
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def partner_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Activate or pause a partner; closing has a dialog of its own."""
    user: Any = request.user
    partner = find_partner(user, pk, manage=True)
    state = request.POST.get("state", "")
    if state not in {Partner.State.ACTIVE, Partner.State.PAUSED}:
        raise Http404
    try:
        changed = registry.state_set(partner, state=state, by=user)
    except DomainError as error:
        return dialogs.message(request, error.message)
    text = _("«%(partner)s»: %(state)s.") % {"partner": changed, "state": changed.get_state_display()}
    return dialogs.done(request, text, to=reverse("partner-detail", args=[pk]), go=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def partner_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a partner and hand its open records back in one action (ACC-3)."""
    user: Any = request.user
    partner = find_partner(user, pk, manage=True)
    load = partners_with_load(user).get(pk=pk)
    count = load.open_leads + load.open_deals
    form = CloseForm(request.POST or None, user=user, needed=bool(count))
    back = reverse("partner-detail", args=[pk])
    if form.is_bound and form.is_valid():
        try:
            returned = registry.partner_shut(partner, by=user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("«%(partner)s» is closed. Records taken back: %(count)s.")
            return dialogs.done(request, text % {"partner": partner, "count": returned}, to=back, go=True)
    context = {
        "dialog_title": _("Close «%(partner)s»: people %(people)s, open records %(count)s")
        % {"partner": partner, "people": load.active_users, "count": count},
        "form": form,
        "dialog_action": request.path,
        "dialog_submit": _("Close the partner"),
        "dialog_danger": True,
        "dialog_back": back,
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)
