"""Small catalogues of the settings - sources, purposes, templates: a list, and a dialog for one row, audited.

An app describes its catalogue by a `Catalogue` and gets the views and addresses of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm.errors import DomainError
from crm.normalize import one_line
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.settings_audit import audit, require_head, save_audited
from crm.views.settings_nav import administrator_page, settings_context, settings_page

LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "e",
            "zh",
            "z",
            "i",
            "y",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "h",
            "ts",
            "ch",
            "sh",
            "sch",
            "_",
            "y",
            "_",
            "e",
            "yu",
            "ya",
        ],
        strict=True,
    )
)


def code_from(text: str, taken: set[str], limit: int = 40) -> str:
    """A code in Latin letters made of a name, that nobody has yet."""
    latin = "".join(LATIN.get(char, char) for char in one_line(text).lower())
    base = re.sub(r"[^a-z0-9]+", "_", latin).strip("_")[: limit - 4] or "row"
    return next(code for n in range(1, 10_000) if (code := base if n == 1 else f"{base}_{n}") not in taken)


@dataclass(frozen=True)
class Catalogue:
    """A kind of rows that the settings keep: `line` gives title, notes and whether the row is in use."""

    kind: str
    model: type[models.Model]
    form: type[forms.ModelForm]
    name: str
    path: str
    title: Any
    add_label: Any
    line: Callable[[Any], Mapping[str, Any]]
    intro: Any = ""
    may_add: bool = True
    may_delete: bool = False
    for_administrators: bool = False
    order: tuple[str, ...] = ("pk",)
    dialog_size: str = ""
    page: Callable[[HttpRequest], HttpResponse] | None = None  # in place of the plain list of rows
    blank: Callable[[HttpRequest], Any] | None = None  # what a new row begins with
    changed: Callable[[Any], Any] | None = None  # what must follow a change of a row; told who did it

    @property
    def guard(self) -> Callable[..., Any]:
        """Who gets in."""
        return administrator_page if self.for_administrators else settings_page


def urls_of(catalogue: Catalogue) -> list[URLPattern]:
    """List, new row and one row of a catalogue."""
    pk_is_text = not isinstance(catalogue.model._meta.pk, models.AutoField)
    one = "<str:pk>" if pk_is_text else "<int:pk>"
    return [
        path(f"{catalogue.path}/", _list_view(catalogue), name=catalogue.name),
        path(f"{catalogue.path}/new/", _add_view(catalogue), name=f"{catalogue.name}-add"),
        path(f"{catalogue.path}/{one}/", _edit_view(catalogue), name=f"{catalogue.name}-edit"),
    ]


def _list_view(catalogue: Catalogue) -> Callable[..., HttpResponse]:
    @catalogue.guard
    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        if catalogue.page is not None:
            return catalogue.page(request)
        rows = catalogue.model._default_manager.order_by(*catalogue.order)
        context = {
            **settings_context(request, catalogue.name),
            "catalogue": catalogue,
            "lines": [
                {**catalogue.line(row), "edit_url": reverse(f"{catalogue.name}-edit", args=[row.pk])} for row in rows
            ],
            "add_url": reverse(f"{catalogue.name}-add") if catalogue.may_add else "",
        }
        return render(request, "crm/settings/catalogue.html", context)

    return view


def _add_view(catalogue: Catalogue) -> Callable[..., HttpResponse]:
    @catalogue.guard
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: HttpRequest) -> HttpResponse:
        if not catalogue.may_add:
            raise Http404
        row = catalogue.blank(request) if catalogue.blank is not None else catalogue.model()
        return _edit(request, catalogue, row, str(catalogue.add_label))

    return view


def _edit_view(catalogue: Catalogue) -> Callable[..., HttpResponse]:
    @catalogue.guard
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: HttpRequest, pk: Any) -> HttpResponse:
        row = catalogue.model._default_manager.filter(pk=pk).first()
        if row is None:
            raise Http404
        return _edit(request, catalogue, row, str(row))

    return view


def _say_plainly(form: Any) -> None:
    """A name given twice is told in plain words, where the column has none of its own."""
    usual = models.Field.default_error_messages["unique"]
    for name, field in form.fields.items():
        column = {column.name: column for column in form._meta.model._meta.fields}.get(name)
        if column is not None and column.error_messages["unique"] == usual:
            field.error_messages.setdefault("unique", _("It is in the list already."))


def _edit(request: HttpRequest, catalogue: Catalogue, row: Any, title: str) -> HttpResponse:
    back = reverse(catalogue.name)
    form = catalogue.form(request.POST or None, instance=row)
    _say_plainly(form)
    if "delete" in request.POST and catalogue.may_delete and not row._state.adding:
        row_delete(catalogue, row, by=request.user)
        return dialogs.done(request, _("Deleted."), to=back, go=True)
    if form.is_bound and form.is_valid():
        try:
            row_save(catalogue, row, form.cleaned_data, by=request.user)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("Saved."), to=back, go=True)
    context = {
        "dialog_title": title,
        "form": form,
        "dialog_action": request.path,
        "dialog_back": back,
        "dialog_size": catalogue.dialog_size,
        "may_delete": catalogue.may_delete and not row._state.adding,
    }
    return dialogs.dialog(request, "crm/settings/row_dialog.html", context, status=422 if form.errors else 200)


@transaction.atomic
def row_save(catalogue: Catalogue, row: Any, values: Mapping[str, Any], *, by: Any) -> None:
    """Keep one row; a row whose key is a code gets one made of its name."""
    require_head(by)
    fresh = row
    if not row._state.adding:
        # The form has already written into `row`; what changed is told by comparing with what is stored.
        fresh = catalogue.model._default_manager.select_for_update().get(pk=row.pk)
    elif isinstance(catalogue.model._meta.pk, models.SlugField):
        # "new" is the address of the dialog for a new row.
        taken = {"new", *catalogue.model._default_manager.values_list("pk", flat=True)}
        fresh.pk = code_from(str(values.get("name_en") or values.get("name_ru") or ""), taken)
    data = dict(values)
    if "name_en" in data and not data["name_en"]:
        data["name_en"] = data.get("name_ru", "")
    if save_audited(catalogue.kind, fresh, data, by=by) and catalogue.changed is not None:
        catalogue.changed(by)


@transaction.atomic
def row_delete(catalogue: Catalogue, row: Any, *, by: Any) -> None:
    """Take a row out for good."""
    require_head(by)
    audit(catalogue.kind, row, "deleted", str(row), None, by)
    row.delete()
    if catalogue.changed is not None:
        catalogue.changed(by)
