"""Settings as a file: download, upload with a preview of what would change, and the latest changes to take back."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import settings_revert, settings_transfer
from crm.errors import DomainError
from crm.formfields import FilePick
from crm.http import paginate
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.views.audit import lines_of
from crm.views.settings_nav import settings_context, settings_page

HERE = "settings-transfer"
LARGEST = 4 * 1024 * 1024
SHOWN_CHANGES = 20


class FileForm(forms.Form):
    """A file of settings, or its text when it is taken in after the preview."""

    file = forms.FileField(label=gettext_lazy("File of settings"), required=False, widget=FilePick())
    text = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """The text of the file, and what it says."""
        given = super().clean() or {}
        upload = given.get("file")
        if upload is not None and upload.size > LARGEST:
            raise forms.ValidationError(_("The file is too large."))
        text = upload.read().decode("utf-8-sig", "replace") if upload is not None else given.get("text", "")
        if not text.strip():
            raise forms.ValidationError({"file": _("Choose a file.")})
        try:
            given["settings"] = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError({"file": _("This is no file of settings of this product.")}) from error
        return {**given, "text": text}


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: HttpRequest) -> HttpResponse:
    """The page; a posted file is compared first, and taken in when it comes with `apply`."""
    form = FileForm(request.POST or None, request.FILES or None) if request.method == "POST" else FileForm()
    found = None
    if form.is_bound and form.is_valid():
        try:
            if "apply" in request.POST:
                made = settings_transfer.take_in(form.cleaned_data["settings"], by=request.user)
                text = ngettext("%(count)s setting was changed.", "%(count)s settings were changed.", len(made))
                return dialogs.done(request, text % {"count": len(made)}, to=request.path, go=True)
            found = settings_transfer.compare(form.cleaned_data["settings"])
        except DomainError as error:
            add_errors(form, error)
    page = paginate(request, settings_revert.changes(), SHOWN_CHANGES)
    context = {
        **settings_context(request, HERE),
        "form": form,
        "found": found,
        "text": form.cleaned_data.get("text", "") if found is not None else "",
        "has_problems": any(change.problem for change in found or []),
        "page": page,
        "lines": [{**line, "can": settings_revert.can_revert(line["row"])} for line in lines_of(page, request.user)],
    }
    return render(request, "crm/settings/transfer.html", context, status=422 if form.errors else 200)


@settings_page
@require_safe
def transfer_download(request: HttpRequest) -> HttpResponse:
    """All settings as one file."""
    text = json.dumps(settings_transfer.dump(), ensure_ascii=False, indent=1)
    answer = HttpResponse(text, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{settings_transfer.file_name()}"'
    return answer


@settings_page
@require_POST
def transfer_revert(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one change back."""
    change = settings_revert.changes().filter(pk=pk).first()
    if change is None:
        raise Http404
    try:
        settings_revert.setting_revert(change, by=request.user)
    except DomainError as error:
        return dialogs.message(request, error.message)
    return dialogs.done(request, _("The change is taken back."), to=reverse(HERE), go=True)
