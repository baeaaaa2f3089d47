"""Dialogs: the same template in the dialog under htmx, and as a page of its own without it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from crm.http import triggers
from crm.models import StagedRecord


def is_partial(request: HttpRequest) -> bool:
    """Does a script ask (htmx or the board), so that a part of a page is wanted?"""
    return bool(getattr(request, "htmx", False)) and not request.htmx.history_restore_request  # type: ignore[attr-defined]


def dialog(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Answer with a dialog; without scripts it is a page."""
    if is_partial(request):
        response = render(request, template, context, status=status)
        if request.htmx.target != "dialog-body":  # type: ignore[attr-defined]
            response["HX-Retarget"], response["HX-Reswap"] = "#dialog-body", "innerHTML"
        return response
    page = {"title": context.get("record", ""), **context, "dialog_template": template}
    return render(request, "components/dialog_page.html", page, status=status)


def message(request: HttpRequest, text: str, *, title: str = "", reasons: Any = (), status: int = 422) -> HttpResponse:
    """A refusal that no field can mend."""
    context = {"dialog_title": title, "message": text, "reasons": list(reasons), "dialog_back": back_of(request)}
    return dialog(request, "components/message_dialog.html", context, status=status)


def done(
    request: HttpRequest,
    text: str,
    record: StagedRecord | None = None,
    *,
    undo_url: str = "",
    to: str = "",
    go: bool = False,
) -> HttpResponse:
    """The answer to a finished action: a toast over the page under htmx, else a redirect to `to` with the message.

    The page follows by itself: boards, lists and cards listen for `recordChanged`. With `go` the browser is sent
    to `to` under htmx as well.
    """
    to = to or (record.get_absolute_url() if record is not None else back_of(request))
    if is_partial(request) and not go:
        toast = {"level": "success", "text": text, "undo_url": undo_url}
        changed = {"id": record.pk, "type": record.RECORD_TYPE} if record is not None else {}
        return triggers(HttpResponse(status=204), toast=toast, closeDialog={}, recordChanged=changed)
    messages.success(request, text, extra_tags=f"undo:{undo_url}" if undo_url else "")
    if is_partial(request):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = to
        return response
    return HttpResponseRedirect(to)


def elsewhere(request: HttpRequest, url: str, *, status: int = 422) -> HttpResponse:
    """Go on in another dialog: under htmx it takes this one's place, otherwise the browser is sent there."""
    if not is_partial(request):
        return HttpResponseRedirect(url)
    return dialog(request, "crm/dialogs/elsewhere.html", {"url": url}, status=status)


def back_of(request: HttpRequest) -> str:
    """Where "Cancel" leads without scripts: the page before, if it is ours."""
    from django.utils.http import url_has_allowed_host_and_scheme

    before = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure()):
        return before
    return reverse("lead-list")
