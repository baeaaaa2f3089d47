"""Forms of construction objects."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.formfields import NumberField
from crm.screens.pages import RecordForm
from objects_registry.models import Purpose


class ObjectForm(RecordForm):
    """All that is asked of an object."""

    SECTIONS = (
        (gettext_lazy("Building"), ("name", "purpose", "length", "width", "height", "area", "tonnage")),
        (gettext_lazy("Where and when"), ("address", "construction_start")),
        (gettext_lazy("Work"), ("responsible", "notes")),
    )

    def __init__(self, data: Any = None, *, record: Any, user: Any) -> None:
        super().__init__(data, record=record, user=user)
        self.fields["name"].required = False
        self.fields["name"].help_text = _("Left empty, it is put together from purpose, size and place.")
        self.fields["area"].help_text = _("Follows from length and width; write it only when they are not known.")
        if record.pk is None:
            self.fields["responsible"].initial = user.pk


class QuickObjectForm(forms.Form):
    """The few things one knows of a building at first."""

    purpose = forms.ModelChoiceField(
        Purpose.objects.filter(is_active=True), label=gettext_lazy("Purpose"), required=False
    )
    length = NumberField(label=gettext_lazy("Length, m"), required=False, max_digits=9, decimal_places=2)
    width = NumberField(label=gettext_lazy("Width, m"), required=False, max_digits=9, decimal_places=2)
    height = NumberField(label=gettext_lazy("Height, m"), required=False, max_digits=9, decimal_places=2)
    address = forms.CharField(label=gettext_lazy("Address"), required=False, max_length=500)

    def clean(self) -> dict[str, Any]:
        """Something must be known."""
        given = super().clean() or {}
        if not self.errors and not any(value not in (None, "") for value in given.values()):
            raise forms.ValidationError(_("Say at least what it is, how large, or where."))
        return given
