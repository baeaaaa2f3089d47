"""Pages that belong to no kind of record: my day, search, notifications, the palette."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import clock, notices, services
from crm.errors import DomainError
from crm.formfields import MomentField
from crm.http import paginate
from crm.identification import identifies_only
from crm.models import Activity, ClientType, Notification
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.screens.happening import next_morning
from crm.visibility import visible_record
from web import my_day
from web import search as searching


@require_safe
def session(request: HttpRequest) -> HttpResponse:
    """Whether the person is still signed in: 204, else 401. A page asks before it sends a form away for good.

    Where the cookie with the token is lost the answer brings a new one.
    """
    get_token(request)
    answer = HttpResponse(status=204 if request.user.is_authenticated else 401)
    answer["Cache-Control"] = "no-store"
    return answer


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """«My day»; heads may look at everybody's."""
    user: Any = request.user
    may = my_day.may_look_around(user)
    everybody = may and request.GET.get("of") == "all"
    found = my_day.sections(request, everybody=everybody)
    context = {
        "sections": found,
        "stats": [
            {"label": item.title, "value": item.count, "url": item.url, "icon": item.icon,
             "tone": item.tone if item.count else ""}
            for item in found
        ],
        "switch": [
            {"label": _("Mine"), "url": "?", "active": not everybody},
            {"label": _("Everybody's"), "url": "?of=all", "active": everybody},
        ] if may else [],
        "today": clock.now(),
        "all_done": not any(item.count for item in found),
    }  # fmt: skip
    template = "web/home.html#day" if dialogs.is_partial(request) else "web/home.html"
    return render(request, template, context)


class StepForm(forms.Form):
    """The next step on a record, planned without opening its card."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=Activity.Kind.choices,
        initial=Activity.Kind.CALL,
        widget=forms.RadioSelect,
    )
    title = forms.CharField(label=gettext_lazy("What to do"), max_length=255)
    due_at = MomentField(label=gettext_lazy("When"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def next_step(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Plan the next step on a record of a list."""
    user: Any = request.user
    record = visible_record(record_type, pk, user, "comment")
    if record is None:
        raise Http404
    initial = {"title": _("Call the client"), "due_at": next_morning()}
    form = StepForm(request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            services.activity_create(record, by=user, responsible=user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("The next step on «%(record)s» is planned.") % {"record": record}
            return dialogs.done(request, text, record, to=reverse("web:home"))
    context = {
        "dialog_title": _("Next step"),
        "form": form,
        "dialog_action": request.path,
        "dialog_submit": _("Plan"),
        "dialog_back": reverse("web:home"),
        "dialog_size": "dialog-small",
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.is_bound else 200)


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Everything that fits the query, by kind of record."""
    query = request.GET.get("q", "")
    chosen = request.GET.get("client_type", "")
    client_type = chosen if chosen in ClientType.values else ""
    found = searching.search(request.user, query, limit=20, client_type=client_type)  # type: ignore[arg-type]
    template = "web/search.html#found" if dialogs.is_partial(request) else "web/search.html"
    # The call centre sees no clients: there is nothing to cut.
    types = () if identifies_only(request.user) else ClientType.choices  # type: ignore[arg-type]
    context = {"found": found, "query": found.query, "types": types, "client_type": client_type}
    return render(request, template, context)


@login_required
@require_safe
def palette(request: HttpRequest) -> HttpResponse:
    """What the palette shows under its field."""
    query = request.GET.get("q", "")[:200]
    groups = searching.palette(request.user, query)  # type: ignore[arg-type]
    return render(request, "components/palette_results.html", {"groups": groups, "query": query})


@login_required
@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """The person's bell: what others did that concerns them, newest first."""
    user: Any = request.user
    page = paginate(request, notices.bell(user).order_by("-last_at", "-id"), 30)
    context = {"page": page, "notices": notices.groups(page, user)}
    return render(request, "web/notifications.html", context)


@login_required
@require_POST
def notifications_read(request: HttpRequest) -> HttpResponse:
    """Mark all as read."""
    notices.read_all(request.user)  # type: ignore[arg-type]
    return HttpResponseRedirect(reverse("web:notifications"))


@login_required
@require_safe
def notification_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one as read and go to what it is about."""
    row = Notification.objects.filter(pk=pk, user=request.user).first()  # type: ignore[misc]
    if row is None:
        raise Http404
    if getattr(request, "seeing", None) is None:  # A controller who looks leaves the partner's bell as it is.
        notices.read(row)
    return HttpResponseRedirect(notices.address(row, request.user) or reverse("web:notifications"))  # type: ignore[arg-type]
