"""People as the administrator keeps them: list, new, changes, switching off, a link to set the password."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.factors import has_factor
from accounts.models import Invitation, Role, User
from accounts.selectors import RESPONSIBLE_ROLES, found_users, manageable_users
from accounts.sessions import sessions_of
from crm import clock, people_services
from crm.errors import DomainError
from crm.formfields import DayField, PhoneField
from crm.http import paginate
from crm.screens import dialogs, job_views
from crm.screens.list_files import FileColumn, file_asked, list_file
from crm.views.settings_company import zone_choices
from crm.views.settings_nav import administrator_page, settings_context, settings_page


class PersonForm(forms.ModelForm):
    """An account as its administrator fills it in."""

    phone = PhoneField(label=gettext_lazy("Phone"), required=False, max_length=60)
    absent_from = DayField(label=gettext_lazy("Absent from"), required=False)
    absent_to = DayField(label=gettext_lazy("Absent to"), required=False)
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=zone_choices, initial="Europe/Moscow")

    class Meta:
        model = User
        fields = (
            "email", "last_name", "first_name", "patronymic", "position", "phone", "role", "team", "partner",
            "language", "time_zone", "absent_from", "absent_to",
        )  # fmt: skip

    def _post_clean(self) -> None:
        # The model is checked by the service, under its own rules; the form only reads.
        self.instance = self.instance.__class__(pk=self.instance.pk)


class HandOverForm(forms.Form):
    """Who takes everything of a person."""

    to = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("Give everything to"))

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        field: Any = self.fields["to"]
        people = User.objects.filter(is_active=True, partner=user.partner_id).exclude(pk=user.pk)
        # Of the company's own only those who may be responsible; at a partner's everybody is.
        field.queryset = people if user.partner_id else people.filter(role__in=RESPONSIBLE_ROLES)


PEOPLE_FILE = (
    FileColumn(gettext_lazy("Person"), lambda user: user.full_name),
    FileColumn(gettext_lazy("Position"), lambda user: user.position),
    FileColumn(gettext_lazy("Role"), lambda user: user.get_role_display()),
    FileColumn(gettext_lazy("Team or partner"), lambda user: str(user.partner or user.team or "")),
    FileColumn(gettext_lazy("Phone"), lambda user: user.phone),
    FileColumn(gettext_lazy("E-mail"), lambda user: user.email),
    FileColumn(gettext_lazy("Active"), lambda user: user.is_active),
)


def _people_told(query: str, role: str, state: str) -> str:
    """Which people are in the file."""
    words = {"on": _("active"), "off": _("switched off")}
    told = [query.strip(), str(dict(Role.choices).get(role, "")), str(words.get(state, ""))]
    return _("Filter: %(filter)s") % {"filter": "; ".join(word for word in told if word) or _("none")}


@administrator_page
@require_safe
def settings_users(request: HttpRequest) -> HttpResponseBase:
    """Everybody, found by name, role and state."""
    rows = manageable_users(request.user)  # type: ignore[arg-type]
    query, role, state = (request.GET.get(name, "") for name in ("q", "role", "state"))
    rows = found_users(rows, query)
    if role in Role.values:
        rows = rows.filter(role=role)
    if state in {"on", "off"}:
        rows = rows.filter(is_active=state == "on")
    today, rows = clock.today(), rows.order_by("-is_active", "last_name", "first_name", "pk")
    if file_asked(request):
        return list_file(request, "people", PEOPLE_FILE, rows, about=_people_told(query, role, state))
    page = paginate(request, rows)
    context = {
        **settings_context(request, "settings-users"),
        "page": page,
        "people": [{"person": row, "absent": row.is_absent(today)} for row in page],
        "query": query,
        "role": role,
        "state": state,
        "roles": Role.choices,
    }
    template = "crm/settings/people.html#rows" if dialogs.is_partial(request) else "crm/settings/people.html"
    return render(request, template, context)


def _find(pk: int, by: Any) -> User:
    found = manageable_users(by).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def put_errors(form: forms.BaseForm, error: ValidationError) -> None:
    """Put what the service says beside the fields that there are."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)


@administrator_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_user_add(request: HttpRequest) -> HttpResponse:
    """A new account, with an invitation by letter where that is wanted."""
    by: Any = request.user
    form = PersonForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            user = people_services.person_create(by=by, data=form.cleaned_data, invite="invite" in request.POST)
        except ValidationError as error:
            put_errors(form, error)
        else:
            to = reverse("settings-user", args=[user.pk])
            if "invite" in request.POST:
                text = _("The account is made, the invitation to %(email)s is on its way.") % {"email": user.email}
            else:
                text = _("The account is made. Its owner needs an invitation or a link to get in.")
            return dialogs.done(request, text, to=to, go=True)
    context = {
        **settings_context(request, "settings-users"),
        "form": form,
        "title": _("New person"),
        "back_url": reverse("settings-users"),
    }
    return render(request, "crm/settings/person_new.html", context, status=422 if form.errors else 200)


@administrator_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_user(request: HttpRequest, pk: int) -> HttpResponse:
    """One account: its fields, what hangs on it, how it gets in."""
    by: Any = request.user
    user = _find(pk, by)
    form = PersonForm(request.POST or None, instance=user)
    if form.is_bound and form.is_valid():
        try:
            people_services.person_update(user, by=by, data=form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            return dialogs.done(request, _("Saved."), to=request.path, go=True)
    context = {
        **settings_context(request, "settings-users"),
        "person": user,
        "form": form,
        "title": user.full_name or user.email,
        "sessions": sessions_of(user),
        "has_factor": has_factor(user),
        "invitation": Invitation.objects.filter(user=user).first(),
        **work_context(user, by),
    }
    return render(request, "crm/settings/person.html", context, status=422 if form.errors else 200)


def work_context(user: User, by: Any) -> dict[str, Any]:
    """What hangs on a person, and the form that gives it away, as crm/settings/work_part.html reads them."""
    work = people_services.open_work(user, by)
    labels = {
        "lead": _("Open leads"), "deal": _("Open deals"), "contact": _("Contacts"), "company": _("Companies"),
        "object": _("Objects"), "task": _("Tasks"),
    }  # fmt: skip
    return {
        "work": [{"label": labels[kind], "value": count, "url": _list_url(kind, user)} for kind, count in work.items()],
        "has_work": any(work.values()),
        "work_total": sum(count for kind, count in work.items() if kind != "task"),
        "hand_over": HandOverForm(user=user),
    }


def _list_url(kind: str, user: User) -> str:
    more = "&state=open" if kind == "task" else "&kind=open&pipeline=all"
    return f"{reverse(f'{kind}-list')}?responsible={user.pk}{more}"


@administrator_page
@require_POST
def settings_user_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch an account on or off."""
    by: Any = request.user
    user = _find(pk, by)
    on = request.POST.get("on") == "1"
    try:
        people_services.person_switch(user, by=by, on=on)
    except ValidationError as error:
        return dialogs.message(request, " ".join(error.messages))
    text = _("%(name)s can sign in again.") if on else _("%(name)s is switched off: sessions and tokens have ended.")
    return dialogs.done(request, text % {"name": user}, to=reverse("settings-user", args=[pk]), go=True)


class WhomForm(forms.Form):
    """Whose work is looked at."""

    person = forms.ModelChoiceField(
        User.objects.order_by("is_active", "last_name", "first_name", "pk"), label=gettext_lazy("Whose work")
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        field: Any = self.fields["person"]
        field.widget.attrs["data-submit-on-change"] = True
        field.label_from_instance = lambda user: (
            user.full_name if user.is_active else _("%(name)s, switched off") % {"name": user.full_name}
        )


@settings_page
@require_safe
def settings_work(request: HttpRequest) -> HttpResponse:
    """What a person answers for, to be given to another one: the sales head's way when somebody has left."""
    form = WhomForm(request.GET or None)
    person = form.cleaned_data["person"] if form.is_bound and form.is_valid() else None
    context = {**settings_context(request, "settings-work"), "form": form, "person": person}
    if person is not None:
        context |= work_context(person, request.user)
    return render(request, "crm/settings/work.html", context)


@settings_page
@require_POST
def settings_user_hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Give everything open of a person to another one."""
    by: Any = request.user
    user = User.objects.filter(pk=pk).first()
    if user is None:
        raise Http404
    form = HandOverForm(request.POST, user=user)
    if not form.is_valid():
        return dialogs.message(request, _("Choose who takes it."))
    try:
        job = people_services.hand_over_all(user, to=form.cleaned_data["to"], by=by)
    except DomainError as error:
        return dialogs.message(request, error.message)
    to = reverse("settings-user", args=[pk]) if by.is_administrator else f"{reverse('settings-work')}?person={pk}"
    return job_views.told(request, job, to=to)


@administrator_page
@require_POST
def settings_user_letter(request: HttpRequest, pk: int) -> HttpResponse:
    """A letter with a link: an invitation for who has no password yet, else one to set a new password."""
    by: Any = request.user
    user = _find(pk, by)
    try:
        if user.has_usable_password():
            people_services.person_reset(user, by=by)
        else:
            people_services.person_invite(user, by=by)
    except ValidationError as error:
        return dialogs.message(request, " ".join(error.messages))
    text = _("The letter to %(email)s is on its way.") % {"email": user.email}
    return dialogs.done(request, text, to=reverse("settings-user", args=[pk]), go=True)


@administrator_page
@require_POST
def settings_user_sign_out(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign a person out everywhere."""
    user, by = _find(pk, request.user), request.user
    count = people_services.person_sign_out(user, by=by)  # type: ignore[arg-type]
    text = ngettext("%(count)s session has ended.", "%(count)s sessions have ended.", count) % {"count": count}
    return dialogs.done(request, text, to=reverse("settings-user", args=[pk]), go=True)


@administrator_page
@require_POST
def settings_user_factors(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the second factor off a person who has lost it; the password alone lets them in then."""
    user, by = _find(pk, request.user), request.user
    people_services.person_factors_remove(user, by=by)  # type: ignore[arg-type]
    text = _("The second factor of %(name)s is taken off.") % {"name": user}
    return dialogs.done(request, text, to=reverse("settings-user", args=[pk]), go=True)


@administrator_page
@require_POST
def settings_user_password(request: HttpRequest, pk: int) -> HttpResponse:
    """A link by which the person sets a password; it works once and for a few days."""
    by: Any = request.user
    user = _find(pk, by)
    if not user.is_active:
        return dialogs.message(request, _("%(name)s is switched off.") % {"name": user})
    context = {
        "dialog_title": _("Link to set the password"),
        "link": urljoin(settings.PUBLIC_URL, people_services.person_reset_link(user, by=by)),
        "person": user,
        "dialog_back": reverse("settings-user", args=[pk]),
    }
    return dialogs.dialog(request, "crm/settings/password_link.html", context)
