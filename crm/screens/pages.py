"""Pages with a form for a whole record: a new one (quickly in a dialog, or with all fields), and its editing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from crm.duplicates import MATCHED_TYPES
from crm.errors import DomainError, StageConflict
from crm.screens import access, around, dialogs, matches, registry
from crm.screens.editing import changes_since, save
from crm.screens.forms import RecordFieldsForm, add_errors

Section = tuple[Any, tuple[str, ...]]


class RecordForm(RecordFieldsForm):
    """The fields of a record in sections; an app names them."""

    SECTIONS: Sequence[Section] = ()
    CREATE_ONLY: tuple[str, ...] = ()
    REQUIRED: tuple[str, ...] = ()

    def __init__(self, data: Any = None, *, record: Any, user: User) -> None:
        hidden = {"source", "channel", "responsible"} if user.is_partner else set()
        names = [name for _title, names in self.SECTIONS for name in names if name not in hidden]
        super().__init__(data, record=record, names=names, user=user, required=self.REQUIRED)

    def sections(self) -> list[tuple[Any, list[Any]]]:
        """Titles with their bound fields."""
        return [
            (title, [self[name] for name in names if name in self.fields])
            for title, names in self.SECTIONS
            if any(name in self.fields for name in names)
        ]


def create_page(
    request: HttpRequest,
    screen: registry.Screen,
    form: forms.Form,
    make: Callable[[dict[str, Any]], Any],
    *,
    title: str,
    quick: bool,
) -> HttpResponse:
    """A new record: a dialog with the few fields one has while the client is on the phone, or the page with all."""
    found = _known_already(request, screen, form)
    if form.is_bound and form.is_valid() and not found:
        try:
            record = make(form.values() if isinstance(form, RecordFieldsForm) else dict(form.cleaned_data))
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("Created: «%(record)s»") % {"record": record}
            visible = screen.model._default_manager.visible_to(request.user).filter(pk=record.pk).exists()  # type: ignore[attr-defined]
            board = reverse(f"{screen.record_type}-board")
            here = getattr(getattr(request, "htmx", None), "current_url_abs_path", "") or ""
            stay = here.split("?", 1)[0] == board or not visible
            return dialogs.done(request, text, record, to=record.get_absolute_url() if visible else board, go=not stay)
    status = 422 if form.errors else 409 if found else 200
    submit = _("Create all the same") if found else _("Create")
    context = {
        "title": title,
        "dialog_title": title,
        "form": form,
        "submit": submit,
        "dialog_submit": submit,
        "dialog_action": request.get_full_path(),
        "dialog_back": reverse(f"{screen.record_type}-list"),
        "back_url": reverse(f"{screen.record_type}-list"),
        "full_url": f"{reverse(f'{screen.record_type}-create')}?full=1",
        "matches_url": matches_url(screen),
    }
    if found:
        context |= {**matches.matches_context(found), "seen": matches.seen_of(found), "seen_name": matches.SEEN}
    if quick:
        return dialogs.dialog(request, f"{screen.templates}/quick.html", context, status=status)
    return render(request, f"{screen.templates}/form.html", context, status=status)


def _known_already(request: HttpRequest, screen: registry.Screen, form: forms.Form) -> list[Any]:
    """Clients with the same phone, e-mail or INN that were not shown while typing: asked about once, on sending."""
    if screen.record_type not in MATCHED_TYPES or not form.is_bound or not form.is_valid():
        return []
    return matches.unseen_duplicates(request, screen.record_type)


def matches_url(screen: registry.Screen, record: Any = None) -> str:
    """Where a form asks whether the client is known; a record is not its own duplicate."""
    if screen.record_type not in MATCHED_TYPES:
        return ""
    url = f"{reverse('client-matches')}?record_type={screen.record_type}"
    return f"{url}&record_id={record.pk}" if record is not None else url


def edit_page(request: HttpRequest, screen: registry.Screen, pk: int, form_class: type[RecordForm]) -> HttpResponse:
    """All fields of a record; when somebody else was faster, what they changed is shown above what was typed."""
    user: Any = request.user
    record = access.find_to_change(screen.record_type, pk, user)
    form = form_class(request.POST or None, record=record, user=user)
    changes: list[dict[str, Any]] = []
    version = str(record.version)
    # The card it was opened from knows its place in a list: saving and cancelling lead back to the same place.
    card_url = record.get_absolute_url() + (around.carried(request, screen) if "from" in request.GET else "")
    if form.is_bound and form.is_valid():
        seen = request.POST.get("version", "")
        try:
            save(screen, record, form.values(), user, expected_version=int(seen) if seen.isdigit() else record.version)
        except StageConflict:
            changes = changes_since(record, request.POST.get("seen_at", ""))
        except DomainError as error:
            add_errors(form, error)
            version = seen
        else:
            return dialogs.done(request, _("Saved."), record, to=card_url, go=True)
    context = {
        "title": str(record),
        "record": record,
        "form": form,
        "back_url": card_url,
        "matches_url": matches_url(screen, record),
        "conflict_changes": changes,
        "version": version if not form.errors else request.POST.get("version", version),
        "seen_at": record.updated_at.isoformat(),
    }
    status = 409 if changes else 422 if form.errors else 200
    return render(request, f"{screen.templates}/form.html", context, status=status)
