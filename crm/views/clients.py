"""Screens of contacts and companies: list, board, card, new, editing, phones and addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from crm.clients import company_create, contact_create
from crm.clients import contact_follow_company as follow_company
from crm.contact_points import points_of
from crm.errors import DomainError, InvalidInput
from crm.http import triggers
from crm.keys import key_in
from crm.models import Company, Contact, RecordType
from crm.point_services import point_add, point_make_main, point_remove
from crm.screens import access, board, card, dialogs, listing, pages, registry
from crm.screens.merging import undoable_merges
from crm.screens.registry import Screen
from crm.views.client_forms import CompanyForm, ContactForm, QuickCompanyForm, QuickContactForm
from crm.views.client_screens import COMPANY, CONTACT

SCREENS = {"contact": CONTACT, "company": COMPANY}
HEADINGS = {"contact": gettext_lazy("Contacts"), "company": gettext_lazy("Companies")}
NEW = {"contact": gettext_lazy("New contact"), "company": gettext_lazy("New company")}


def page_context(request: HttpRequest, record_type: str) -> dict[str, Any]:
    """What the pages of both kinds call themselves."""
    return {
        "heading": HEADINGS[record_type],
        "create_url": reverse(f"{record_type}-create") if SCREENS[record_type].may_create(request.user) else "",
        "create_label": NEW[record_type],
    }


@login_required
@require_safe
def client_list(request: HttpRequest, record_type: str) -> HttpResponse:
    """Contacts or companies as a table."""
    return listing.list_answer(request, SCREENS[record_type], page_context(request, record_type))


@login_required
@require_safe
def client_board(request: HttpRequest, record_type: str) -> HttpResponse:
    """Contacts or companies by stage."""
    return board.board_answer(
        request, SCREENS[record_type], "crm/record_board.html", page_context(request, record_type)
    )


@login_required
@require_safe
def client_detail(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """The card of a contact or a company; the address of a merged one leads to the main one."""
    user: Any = request.user
    screen = SCREENS[record_type]
    if main := access.merged_target(record_type, pk, user):
        return HttpResponseRedirect(main.get_absolute_url())
    record = access.find(record_type, pk, user)
    context = {
        **card.card_context(request, screen, record),
        **page_context(request, record_type),
        "list_url": reverse(f"{record_type}-list"),
        "points": points_of(record),
        "sections": sections_of(record, user),
        "mismatch": owner_mismatch(record, user),
        "merges": undoable_merges(record, user),
        "warnings_url": reverse(f"{record_type}-warnings", args=[pk]),
    }
    return render(request, "crm/clients/detail.html", context)


def sections_of(record: Any, user: User) -> list[dict[str, Any]]:
    """What hangs on a client, each served by its own app."""
    kind = record.RECORD_TYPE
    wanted: list[tuple[str, Any, str]] = [("deal", _("Deals"), "briefcase"), ("lead", _("Leads"), "filter")]
    if kind == RecordType.COMPANY:
        wanted.append(("contact", _("Contacts"), "users"))
    wanted.append(("object", _("Objects"), "building-warehouse"))
    made = []
    for other, title, icon in wanted:
        try:
            url = f"{reverse(f'{other}-section')}?{kind}={record.pk}"
        except NoReverseMatch:
            continue
        section = {"title": title, "url": url, "icon": icon}
        if other in {"deal", "contact"} and registry.of(other).may_create(user):
            add = f"{reverse(f'{other}-create')}?{kind}={record.pk}"
            section |= {"add_url": add, "add_label": _("Add"), "add_dialog": True}
        made.append(section)
    return made


def owner_mismatch(record: Any, user: User) -> dict[str, Any] | None:
    """A person and their company with different owners: told, with the way to mend it."""
    if record.RECORD_TYPE != RecordType.CONTACT or record.company is None:
        return None
    owner = record.company.responsible
    if owner is None or owner == record.responsible:
        return None
    may = access.may_change(record, user)
    return {"owner": owner, "url": reverse("contact-follow-company", args=[record.pk]) if may else ""}


@login_required
@require_POST
def contact_follow_company(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a contact to whoever is responsible for its company."""
    user: Any = request.user
    contact = access.find_to_change(RecordType.CONTACT, pk, user)
    if contact.company is None or contact.company.responsible is None:
        raise PermissionDenied
    try:
        follow_company(contact, by=user)
    except DomainError as error:
        return dialogs.message(request, error.message)
    visible = type(contact)._default_manager.visible_to(user).filter(pk=pk).exists()
    to = contact.get_absolute_url() if visible else reverse("contact-list")
    return dialogs.done(request, _("The responsible is the company's."), contact, to=to, go=True)


# -- new and changed --------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def client_create(request: HttpRequest, record_type: str) -> HttpResponse:
    """A new contact or company: a few fields in the dialog, all of them on the page."""
    user: Any = request.user
    if not SCREENS[record_type].may_create(user):
        raise PermissionDenied
    quick = "full" not in request.GET
    form = _new_form(request, record_type, quick)
    maker: Callable[..., Any] = contact_create if record_type == "contact" else company_create

    def make(values: dict[str, Any]) -> Any:
        given = {name: value for name, value in values.items() if value not in (None, "")}
        given.setdefault("responsible", user)
        return maker(by=user, data=given)

    return pages.create_page(request, SCREENS[record_type], form, make, title=str(NEW[record_type]), quick=quick)


def _new_form(request: HttpRequest, record_type: str, quick: bool) -> Any:
    user: Any = request.user
    data = request.POST or None
    form: Any
    if record_type == "contact":
        form = QuickContactForm(data, user=user) if quick else ContactForm(data, record=Contact(), user=user)
        known = ("name", "phone", "email", "company")
    else:
        form = QuickCompanyForm(data) if quick else CompanyForm(data, record=Company(), user=user)
        known = ("name", "phone", "email", "inn")
    form.initial |= {name: request.GET[name] for name in known if request.GET.get(name)}
    form.lead_url = lead_instead(request)
    return form


def lead_instead(request: HttpRequest) -> str:
    """Where a phone without a name is kept: a new lead with what was typed (LEAD-13)."""
    from django.http import QueryDict

    phone = request.POST.get("phone", "").strip()
    if not phone:
        return ""
    query = QueryDict(mutable=True)
    query.update({"full": "1", "phone": phone[:200]})
    return f"{reverse('lead-create')}?{query.urlencode()}"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def client_edit(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """All fields of a contact or a company."""
    form_class = ContactForm if record_type == "contact" else CompanyForm
    return pages.edit_page(request, SCREENS[record_type], pk, form_class)


# -- phones and addresses ---------------------------------------------------------------------------------------------


class PointForm(forms.Form):
    """One phone or e-mail, in any spelling."""

    text = forms.CharField(
        label=gettext_lazy("Phone or e-mail"), max_length=300, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def client_points(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """The phones and addresses of a client: `add`, `remove` or `main` one of them."""
    user: Any = request.user
    screen: Screen = SCREENS[record_type]
    record = access.find(screen.record_type, pk, user)
    form: forms.Form = PointForm()
    if request.method == "POST":
        if not access.may_change(record, user):
            raise PermissionDenied
        form = _change_points(request, record, user)
        if not dialogs.is_partial(request) and not form.errors:
            return HttpResponseRedirect(record.get_absolute_url())
    elif not dialogs.is_partial(request):
        return HttpResponseRedirect(record.get_absolute_url())
    context = {
        "record": record,
        "points": points_of(record),
        "point_form": form,
        "may_change": access.may_change(record, user),
    }
    if not dialogs.is_partial(request):
        page = {"title": str(record), "form": form, "back_url": record.get_absolute_url()}
        return render(request, "components/form_page.html", page, status=422)
    response = render(request, "crm/clients/points.html", context, status=422 if form.errors else 200)
    return triggers(response, pointsChanged={"id": record.pk})


def _change_points(request: HttpRequest, record: Any, user: User) -> forms.Form:
    """Do what the button says; the form carries what is wrong."""
    point_id = key_in(request.POST.get("point", "")) or 0
    if "remove" in request.POST:
        point_remove(record, point_id=point_id, by=user)
    elif "main" in request.POST:
        point_make_main(record, point_id=point_id, by=user)
    else:
        form = PointForm(request.POST)
        if form.is_valid():
            try:
                point_add(record, text=form.cleaned_data["text"], by=user)
            except InvalidInput as error:
                form.add_error("text", error.message)
        if form.errors:
            return form
    return PointForm()
