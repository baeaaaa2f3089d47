"""Webhooks in the settings: list, form with the secret shown once, the log of deliveries, test, send again."""

from __future__ import annotations

import json
from typing import Any, cast

from django.db.models import Count, Max, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from communications.models import WebhookDelivery, WebhookEndpoint
from communications.webhooks import catalogue, services
from communications.webhooks.forms import EndpointForm
from crm import clock
from crm.errors import DomainError
from crm.http import paginate
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.screens.list_files import FileColumn, file_asked, list_file
from crm.views.settings_nav import settings_context, settings_page
from crm.visibility import visible_record

PAGE = "settings-webhooks"
State = WebhookDelivery.State
LOG_FILE = (
    FileColumn(gettext_lazy("Created"), lambda row: row.created_at, "moment"),
    FileColumn(gettext_lazy("Event"), lambda row: row.event.type),
    FileColumn(gettext_lazy("Number"), lambda row: row.event.uid),
    FileColumn(gettext_lazy("State"), lambda row: row.get_state_display()),
    FileColumn(gettext_lazy("Attempts"), lambda row: row.attempts, "number"),
    FileColumn(gettext_lazy("Answer"), lambda row: row.status, "number"),
    FileColumn(gettext_lazy("Error"), lambda row: row.error),
)


def find_endpoint(pk: int) -> WebhookEndpoint:
    """The endpoint, or 404."""
    found = WebhookEndpoint.objects.select_related("owner").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def find_delivery(pk: int) -> WebhookDelivery:
    """The delivery with its event and endpoint, or 404."""
    found = WebhookDelivery.objects.select_related("endpoint__owner", "event").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def log_rows(endpoint: WebhookEndpoint | None = None, state: str = "") -> Any:
    """The log, the latest first; of one endpoint, and of one state, where asked for."""
    rows = WebhookDelivery.objects.select_related("endpoint", "event").order_by("-id")
    if endpoint is not None:
        rows = rows.filter(endpoint=endpoint)
    return rows.filter(state=state) if state in State.values else rows


@settings_page
@require_safe
def webhooks(request: HttpRequest) -> HttpResponse:
    """All endpoints and how they are."""
    rows = WebhookEndpoint.objects.select_related("owner").annotate(
        waiting=Count("deliveries", Q(deliveries__state__in=[State.QUEUED, State.SENDING])),
        failed=Count("deliveries", Q(deliveries__state=State.FAILED)),
        last=Max("deliveries__done_at"),
    )
    context = {**settings_context(request, PAGE), "rows": rows.order_by("name", "pk"), "now": clock.now()}
    return render(request, "communications/webhooks.html", context)


@settings_page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_add(request: HttpRequest) -> HttpResponse:
    """A new endpoint; its secret is on the page that follows, this once."""
    form = EndpointForm(request.POST or None, endpoint=None, user=request.user)
    if form.is_bound and form.is_valid():
        try:
            made, secret = services.endpoint_create(data=form.values(), by=request.user)
        except DomainError as error:
            add_errors(form, error)
        else:
            return _page(request, made, EndpointForm(endpoint=made, user=request.user), secret=secret)
    return _page(request, None, form)


@settings_page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an endpoint."""
    row = find_endpoint(pk)
    form = EndpointForm(request.POST or None, endpoint=row, user=request.user)
    if form.is_bound and form.is_valid():
        try:
            services.endpoint_change(row, data=_changed(form, row), by=request.user)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("Saved."), to=reverse("settings-webhook", args=[pk]), go=True)
    return _page(request, row, form)


def _changed(form: EndpointForm, row: WebhookEndpoint) -> dict[str, Any]:
    """An owner who stays is not asked again whether they may be chosen."""
    return {name: value for name, value in form.values().items() if name != "owner" or value.pk != row.owner_id}


def _page(request: HttpRequest, row: WebhookEndpoint | None, form: EndpointForm, *, secret: str = "") -> HttpResponse:
    context = {
        **settings_context(request, PAGE),
        "row": row,
        "form": form,
        "secret": secret,
        "now": clock.now(),
        "post_url": reverse("settings-webhook", args=[row.pk]) if row is not None else request.path,
    }
    return render(request, "communications/webhook.html", context, status=422 if form.errors else 200)


@settings_page
@never_cache
@require_POST
def webhook_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Another secret, shown this once; both are good for a day."""
    row, secret = services.secret_rotate(find_endpoint(pk), by=request.user)
    return _page(request, find_endpoint(row.pk), EndpointForm(endpoint=row, user=request.user), secret=secret)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an endpoint away with its log."""
    row = find_endpoint(pk)
    if request.method == "POST":
        services.endpoint_delete(row, by=request.user)
        return dialogs.done(request, _("«%(name)s» is deleted.") % {"name": row.name}, to=reverse(PAGE), go=True)
    context = {
        "dialog_title": _("Delete «%(name)s»?") % {"name": row.name},
        "dialog_action": request.path,
        "dialog_submit": _("Delete"),
        "dialog_danger": True,
        "dialog_back": reverse("settings-webhook", args=[pk]),
        "dialog_size": "dialog-small",
        "waiting": row.deliveries.filter(state__in=[State.QUEUED, State.SENDING]).count(),
    }
    return dialogs.dialog(request, "communications/webhook_delete.html", context)


@settings_page
@require_POST
def webhook_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue a test; what became of it is on its page a few seconds later."""
    try:
        delivery = services.test_send(find_endpoint(pk), by=request.user)
    except DomainError as error:
        return dialogs.message(request, error.message, title=_("This could not be sent"))
    to = reverse("settings-webhook-delivery", args=[delivery.pk])
    return dialogs.done(request, _("The test goes out within seconds: reload the page."), to=to, go=True)


# -- the log ----------------------------------------------------------------------------------------------------------


@settings_page
@require_safe
def webhook_log(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What was sent to an endpoint, the latest first."""
    row, state = find_endpoint(pk), request.GET.get("state", "")
    rows = log_rows(row, state)
    if file_asked(request):
        about = _("Filter: %(filter)s") % {"filter": dict(State.choices).get(state) or _("none")}
        return list_file(request, "webhooks", LOG_FILE, rows, about=about)
    page = paginate(request, rows)
    tabs = [("", _("All deliveries")), *State.choices]
    context = {
        **settings_context(request, PAGE),
        "row": row,
        "page": page,
        "lines": [{"row": line, "event": catalogue.label(line.event.type)} for line in page],
        "state": state,
        "tabs": [{"label": label, "url": f"?state={code}", "active": code == state} for code, label in tabs],
        "failed": row.deliveries.filter(state=State.FAILED).count() if row.is_active else 0,
    }
    return render(request, "communications/webhook_log.html", context)


@settings_page
@require_POST
def webhook_failed_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send all again that could not be delivered."""
    try:
        count = services.failed_again(find_endpoint(pk), by=request.user)
    except DomainError as error:
        return dialogs.message(request, error.message, title=_("This could not be sent"))
    text = ngettext("%(count)s message goes out again.", "%(count)s messages go out again.", count) % {"count": count}
    return dialogs.done(request, text, to=reverse("settings-webhook-log", args=[pk]), go=True)


@settings_page
@require_safe
def webhook_delivery(request: HttpRequest, pk: int) -> HttpResponse:
    """One message: its body, the answer, and "send again"."""
    row, user = find_delivery(pk), cast("User", request.user)
    event = row.event
    context = {
        **settings_context(request, PAGE),
        "row": row,
        "event": event,
        "label": catalogue.label(event.type),
        "record": visible_record(event.record_type, event.record_id, user) if event.record_type else None,
        "body": json.dumps(json.loads(row.body), ensure_ascii=False, indent=2) if row.body else "",
        "may_send": row.endpoint.is_active and row.state != State.SENDING,
        "is_moving": row.state in {State.QUEUED, State.SENDING},
    }
    return render(request, "communications/webhook_delivery.html", context)


@settings_page
@require_POST
def webhook_delivery_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one message again."""
    try:
        services.delivery_again(find_delivery(pk), by=request.user)
    except DomainError as error:
        return dialogs.message(request, error.message, title=_("This could not be sent"))
    to = reverse("settings-webhook-delivery", args=[pk])
    return dialogs.done(request, _("It goes out within seconds: reload the page."), to=to, go=True)
