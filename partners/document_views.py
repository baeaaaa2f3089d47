"""The papers of a partner in the browser: added in a dialog, saved by whoever controls partners, removed by heads."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Partner
from crm.errors import DomainError
from crm.screens import dialogs
from crm.screens.files import saved
from crm.screens.forms import add_errors
from partners.documents import document_add, document_remove, documents_of
from partners.forms import DocumentForm
from partners.models import PartnerDocument
from partners.views import find_partner


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def partner_document_add(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog of a new paper."""
    user: Any = request.user
    partner = find_partner(user, pk, manage=True)
    form = DocumentForm(request.POST or None, request.FILES or None)
    back = reverse("partner-detail", args=[pk])
    if form.is_bound and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            made = document_add(partner, upload=data.pop("file"), by=user, data=data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("«%(name)s» is kept.") % {"name": made.name}, to=back, go=True)
    context = {
        "dialog_title": _("Document of «%(partner)s»") % {"partner": partner},
        "form": form,
        "dialog_action": request.path,
        "dialog_submit": _("Add"),
        "dialog_back": back,
        "dialog_multipart": True,
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)


def find_document(user: Any, partner: Partner, pk: int) -> PartnerDocument:
    """A paper of a partner, as far as one sees them; else 404."""
    found = documents_of(partner, user).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@login_required
@require_safe
def partner_document_file(request: HttpRequest, pk: int, document_pk: int) -> HttpResponseBase:
    """The file, always saved and never shown by the browser."""
    user: Any = request.user
    return saved(find_document(user, find_partner(user, pk), document_pk))


@login_required
@require_POST
def partner_document_remove(request: HttpRequest, pk: int, document_pk: int) -> HttpResponse:
    """Take a paper off the card."""
    user: Any = request.user
    document = find_document(user, find_partner(user, pk, manage=True), document_pk)
    name = document.name
    document_remove(document, by=user)
    to = reverse("partner-detail", args=[pk])
    return dialogs.done(request, _("«%(name)s» is removed.") % {"name": name}, to=to, go=True)
