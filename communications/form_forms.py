"""The fields of the form builder itself, and of the page on which a person says what a site's fields are."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from communications.channels.webform.labels import MEANINGS
from communications.models import WebForm
from communications.web_forms import MAX_FIELDS, TYPES, fields_of
from crm.attribution import UTM_MARKS
from crm.people import assignable

EMPTY_ROWS = 2


class WebFormSettings(forms.ModelForm):
    """A form but for its fields."""

    origins = forms.CharField(
        label=gettext_lazy("Sites that may post, one a line"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    redirect_url = forms.URLField(
        label=gettext_lazy("Page to go to after sending"), required=False, max_length=500, assume_scheme="https"
    )

    class Meta:
        model = WebForm
        fields = (
            "name", "source", "responsible", "language", "is_active", "title", "intro", "button", "thanks",
            "redirect_url", "colour", "background", "consent_text", "consent_required", "min_seconds", "asks_work",
        )  # fmt: skip

    def __init__(self, data: Any = None, *, instance: WebForm, user: Any) -> None:
        super().__init__(data, instance=instance)
        self.fields["responsible"].queryset = assignable(user)  # type: ignore[attr-defined]
        self.fields["responsible"].help_text = _("Empty: as the rules for requests decide.")
        self.fields["origins"].initial = "\n".join(instance.allowed_origins)
        self.fields["origins"].help_text = _("https://example.com. Empty: scripts of any site may post.")
        self.fields["consent_text"].help_text = _(
            "A changed wording becomes a new version; each request keeps its own."
        )
        self.fields["redirect_url"].help_text = _("Instead of the thanks.")
        self.fields["asks_work"].help_text = _(
            "It does so while the visitor types: they do not notice it, a robot pays for each post. Without scripts "
            "the form still works, only so many times a minute. Forms of other pages and Tilda are not asked."
        )
        for name in ("colour", "background"):
            self.fields[name].widget = forms.TextInput(attrs={"type": "color", "class": "form-control-color"})
        for name in ("intro", "thanks", "consent_text"):
            self.fields[name].widget.attrs["rows"] = 3
        placeholders = {"title": _("Leave a request"), "button": _("Send")}
        for name, text in placeholders.items():
            self.fields[name].widget.attrs["placeholder"] = text
        for mark in UTM_MARKS:
            field = forms.CharField(label=mark, required=False, max_length=255, initial=instance.marks.get(mark, ""))
            self.fields[mark] = field

    def groups(self) -> list[dict[str, Any]]:
        """The fields as the page shows them."""
        names = (
            (_("Form"), ("name", "source", "responsible", "language", "is_active")),
            (_("Texts"), ("title", "intro", "button", "thanks", "redirect_url")),
            (_("Consent"), ("consent_text", "consent_required")),
            (_("Colours"), ("colour", "background")),
            (_("Where from and who may post"), ("origins", *UTM_MARKS)),
            (_("Against robots"), ("min_seconds", "asks_work")),
        )
        return [{"title": title, "fields": [self[name] for name in group]} for title, group in names]

    def values(self) -> dict[str, Any]:
        """What the service keeps."""
        given = dict(self.cleaned_data)
        marks = {mark: given.pop(mark) for mark in UTM_MARKS if mark in given}
        origins = [line for line in str(given.pop("origins", "")).splitlines() if line.strip()]
        return {**given, "marks": marks, "allowed_origins": origins}


class FieldRow(forms.Form):
    """One field of the form that is built."""

    key = forms.CharField(required=False, widget=forms.HiddenInput)
    meaning = forms.ChoiceField(label=gettext_lazy("What it is"), required=False)
    label = forms.CharField(label=gettext_lazy("Label"), required=False, max_length=150)
    type = forms.ChoiceField(label=gettext_lazy("Kind of field"), choices=())
    options = forms.CharField(label=gettext_lazy("Values, through a semicolon"), required=False, max_length=4000)
    required = forms.BooleanField(label=gettext_lazy("Required"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["meaning"].choices = [("", _("Only text of the request")), *MEANINGS.items()]  # type: ignore[attr-defined]
        self.fields["type"].choices = list(TYPES.items())  # type: ignore[attr-defined]


class FieldRows(BaseFormSet):
    """The fields in their order; an empty row is no field."""

    def rows(self) -> list[dict[str, Any]]:
        """As the service takes them."""
        found = []
        for form in self.ordered_forms if self.is_valid() else ():
            row = form.cleaned_data
            if not (row.get("label") or row.get("meaning")):
                continue
            names = ("key", "meaning", "label", "type", "required")
            options = [text.strip() for text in row.get("options", "").split(";") if text.strip()]
            found.append({**{name: row[name] for name in names}, "options": options})
        return found


_FieldRowSet = formset_factory(
    FieldRow, formset=FieldRows, extra=EMPTY_ROWS, can_order=True, can_delete=True, max_num=MAX_FIELDS + EMPTY_ROWS
)


def field_rows(form: WebForm, data: Any = None) -> Any:
    """The rows of a form's fields."""
    initial = [
        {
            "key": row.key, "meaning": row.meaning, "label": row.label, "type": row.type, "required": row.required,
            "options": "; ".join(row.options),
        }
        for row in fields_of(form)
    ]  # fmt: skip
    return _FieldRowSet(data, initial=initial, prefix="f")


class NewWebForm(forms.ModelForm):
    """What a new form begins with."""

    class Meta:
        model = WebForm
        fields = ("name", "source", "is_active")
