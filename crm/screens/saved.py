"""Named views of a list: saved, renamed, shared, brought up to date, opened first, forgotten; and its columns."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Role, User
from crm import saved_views, undo
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import SavedView
from crm.screens import dialogs, listing, registry
from crm.screens.forms import add_errors

# What of a deleted view its undo brings back.
KEPT = ("record_type", "name", "query", "columns", "is_shared")
TRANSIENT = ("page", "version", "before", "column", "columns", "view")


class SaveViewForm(forms.Form):
    """The name of a view and who sees it."""

    name = forms.CharField(
        label=gettext_lazy("Name of the view"), max_length=100, widget=forms.TextInput(attrs={"autofocus": True})
    )
    is_shared = forms.BooleanField(label=gettext_lazy("Colleagues see it too"), required=False)

    def __init__(self, data: Any = None, *, user: User, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        if not saved_views.may_share(user):
            del self.fields["is_shared"]


class NewViewForm(SaveViewForm):
    """A view that is yet to be kept carries what it will hold."""

    query = forms.CharField(required=False, max_length=4000, widget=forms.HiddenInput)
    columns = forms.CharField(required=False, max_length=1000, widget=forms.HiddenInput)


class EditViewForm(SaveViewForm):
    """Name, who sees it, for which role it opens first."""

    default_for = forms.ChoiceField(
        label=gettext_lazy("Opens first for the role"), required=False, choices=[("", "---------"), *Role.choices]
    )

    def __init__(self, data: Any = None, *, user: User, initial: Any = None) -> None:
        super().__init__(data, user=user, initial=initial)
        if not user.is_head:
            del self.fields["default_for"]


def clean_query(text: str) -> str:
    """A list's query without what belongs to one look at it."""
    query = QueryDict(text, mutable=True)
    for name in TRANSIENT:
        query.pop(name, None)
    return query.urlencode()


def _keys(text: str) -> list[str]:
    return [key for key in text.split(",") if key]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def save_view(request: HttpRequest, record_type: str) -> HttpResponse:
    """Ask for a name, then keep the list's filter, order, direction and columns."""
    user: Any = request.user
    screen = registry.of(record_type)
    shown = ",".join(column.key for column in listing.columns_of(request, screen))
    initial = {"query": clean_query(request.GET.urlencode()), "columns": shown}
    form = NewViewForm(request.POST or None, user=user, initial=initial)
    if form.is_bound and form.is_valid():
        given = {**form.cleaned_data, "query": clean_query(form.cleaned_data["query"])}
        given["columns"] = _keys(given["columns"])
        try:
            view = saved_views.view_save(by=user, record_type=record_type, **given)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("The view «%(name)s» is saved.") % {"name": view.name}
            return dialogs.done(request, text, to=home_of(view), go=True)
    return _dialog(request, record_type, form, _("Save this view"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_view(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Rename a view, share it, let it open first for a role."""
    user: Any = request.user
    view = _owned(user, record_type, pk)
    initial = {"name": view.name, "is_shared": view.is_shared, "default_for": view.default_for}
    form = EditViewForm(request.POST or None, user=user, initial=initial)
    if form.is_bound and form.is_valid():
        given = {"is_shared": view.is_shared, "default_for": view.default_for, **form.cleaned_data}
        try:
            view = saved_views.view_rename(by=user, view_id=pk, **given)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("The view «%(name)s» is saved.") % {"name": view.name}
            return dialogs.done(request, text, to=home_of(view), go=True)
    return _dialog(request, record_type, form, _("View «%(name)s»") % {"name": view.name})


@login_required
@require_POST
def update_view(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Let a view hold what is on the screen now."""
    user: Any = request.user
    view = _owned(user, record_type, pk)
    columns = [column.key for column in listing.columns_of(request, registry.of(record_type))]
    view = saved_views.view_update(by=user, view_id=pk, query=clean_query(request.GET.urlencode()), columns=columns)
    text = _("The view «%(name)s» is saved.") % {"name": view.name}
    return dialogs.done(request, text, to=home_of(view), go=True)


@login_required
@require_POST
def first_view(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Let the list open with this view for the person; once more: not any longer."""
    user: Any = request.user
    view = next((view for view in saved_views.known_views(user, record_type) if view.pk == pk), None)
    if view is None:
        raise Http404
    if saved_views.default_view(user, record_type) == view:
        saved_views.default_view_set(user, record_type, 0 if view.default_for == user.role else None)
        text = _("The list opens without a view.")
    else:
        saved_views.default_view_set(user, record_type, pk)
        text = _("The list opens with the view «%(name)s».") % {"name": view.name}
    return dialogs.done(request, text, to=home_of(view), go=True)


@login_required
@require_POST
def delete_view(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Forget a view; it can be taken back for a minute."""
    user: Any = request.user
    view = _owned(user, record_type, pk)
    kept = {name: getattr(view, name) for name in KEPT}
    saved_views.view_delete(by=user, view_id=pk)
    url = undo.offer(user, "view", **kept)
    to = f"{reverse(f'{record_type}-list')}?view=0"
    return dialogs.done(request, _("The view is deleted."), to=to, go=True, undo_url=url)


@undo.undoer("view")
def _undo_delete(by: Actor, payload: Any) -> str:
    """Keep the view again."""
    view = saved_views.view_save(by=undo.owner(by), **payload)
    return _("The view «%(name)s» is saved.") % {"name": view.name}


def home_of(view: SavedView) -> str:
    """The list as the view shows it."""
    return f"{reverse(f'{view.record_type}-list')}?{listing.view_query(view)}"


def _owned(user: User, record_type: str, pk: int) -> SavedView:
    try:
        view = saved_views.owned(user, pk)
    except SavedView.DoesNotExist as error:
        raise Http404 from error
    if view.record_type != record_type:
        raise Http404
    return view


def _dialog(request: HttpRequest, record_type: str, form: forms.Form, title: str) -> HttpResponse:
    context = {
        "dialog_title": title,
        "form": form,
        "dialog_action": request.path,
        "dialog_back": reverse(f"{record_type}-list"),
        "dialog_size": "dialog-small",
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)


# -- columns ----------------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def choose_columns(request: HttpRequest, record_type: str) -> HttpResponse:
    """Which columns the list has and in which order; kept for the person, and for the view where one is open."""
    user: Any = request.user
    screen = registry.of(record_type)
    view = listing.active_view(request, screen)
    back = f"{reverse(f'{record_type}-list')}?{listing.query_string(request, without=('columns',))}"
    known = [column.key for column in screen.columns_for(user)[1:]]
    chosen = [column.key for column in listing.columns_of(request, screen)[1:]]
    order = [*chosen, *(key for key in known if key not in chosen)]
    if request.method == "POST":
        order = [key for key in dict.fromkeys(request.POST.getlist("order")) if key in known]
        order += [key for key in known if key not in order]
        ticked = set(request.POST.getlist("columns"))
        chosen = [key for key in order if key in ticked]
        if "reset" in request.POST:
            saved_views.columns_choose(user, record_type, None, view_id=view.pk if view else None)
            return dialogs.done(request, _("The list has its usual columns."), to=back, go=True)
        if not _shifted(request, order):
            saved_views.columns_choose(
                user, record_type, chosen or [screen.main.key], view_id=view.pk if view else None
            )
            return dialogs.done(request, _("The columns are kept."), to=back, go=True)
    names = {column.key: column.label for column in screen.columns}
    context = {
        "dialog_title": _("Columns of the list"),
        "rows": [{"key": key, "label": names[key], "on": key in chosen} for key in order],
        "main_label": screen.main.label,
        "moved": request.POST.get("up") or request.POST.get("down"),
        "moved_up": "up" in request.POST,
        "view": view,
        "dialog_action": request.get_full_path(),
        "dialog_back": back,
    }
    return dialogs.dialog(request, "crm/dialogs/columns.html", context)


def _shifted(request: HttpRequest, order: list[str]) -> bool:
    """Move one column up or down, where a button asks for it."""
    for name, step in (("up", -1), ("down", 1)):
        if (key := request.POST.get(name, "")) in order:
            at = order.index(key)
            to = min(max(at + step, 0), len(order) - 1)
            order.insert(to, order.pop(at))
            return True
    return False
