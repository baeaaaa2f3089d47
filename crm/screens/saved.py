"""Saving the filter of a list under a name, and forgetting it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from crm import saved_views
from crm.errors import DomainError
from crm.models import SavedView
from crm.screens import dialogs
from crm.screens.forms import add_errors

TRANSIENT = ("page", "version", "before", "column")


class SaveViewForm(forms.Form):
    """The name of a view and who sees it."""

    name = forms.CharField(
        label=gettext_lazy("Name of the view"), max_length=100, widget=forms.TextInput(attrs={"autofocus": True})
    )
    is_shared = forms.BooleanField(label=gettext_lazy("Colleagues see it too"), required=False)
    query = forms.CharField(required=False, max_length=4000, widget=forms.HiddenInput)


def clean_query(text: str) -> str:
    """A list's query without what belongs to one look at it."""
    query = QueryDict(text, mutable=True)
    for name in TRANSIENT:
        query.pop(name, None)
    return query.urlencode()


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def save_view(request: HttpRequest, record_type: str) -> HttpResponse:
    """Ask for a name, then keep the list's filter, order and direction."""
    user: Any = request.user
    home = reverse(f"{record_type}-list")
    form = SaveViewForm(request.POST or None, initial={"query": clean_query(request.GET.urlencode())})
    if form.is_bound and form.is_valid():
        given = {**form.cleaned_data, "query": clean_query(form.cleaned_data["query"])}
        try:
            view = saved_views.view_save(by=user, record_type=record_type, **given)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("The view «%(name)s» is saved.") % {"name": view.name}
            return dialogs.done(request, text, to=f"{home}?{view.query}", go=True)
    context = {
        "dialog_title": _("Save this view"),
        "form": form,
        "dialog_action": request.path,
        "dialog_back": home,
        "dialog_size": "dialog-small",
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def delete_view(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Forget one of the person's own views."""
    try:
        saved_views.view_delete(by=request.user, view_id=pk)  # type: ignore[arg-type]
    except SavedView.DoesNotExist as error:
        raise Http404 from error
    return dialogs.done(request, _("The view is deleted."), to=reverse(f"{record_type}-list"), go=True)
