"""Catalogues of the registry in the settings: purposes of buildings, steel consumption."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.formfields import NumberField
from crm.templatetags.ui import number
from crm.views.catalogue import Catalogue
from objects_registry.models import Purpose, SteelConsumption


class PurposeForm(forms.ModelForm):
    """What a building is for."""

    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=100, required=False)
    synonyms = forms.CharField(
        label=gettext_lazy("Also called"), required=False, max_length=2000,
        help_text=gettext_lazy("Other words by which forms and imports name it, by commas."),
    )  # fmt: skip

    class Meta:
        model = Purpose
        fields = ("name_ru", "name_en", "synonyms", "order", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.initial.get("synonyms"), list):
            self.initial["synonyms"] = ", ".join(self.initial["synonyms"])

    def clean_synonyms(self) -> list[str]:
        """A list of words."""
        return [word.strip() for word in self.cleaned_data["synonyms"].split(",") if word.strip()]


class SteelForm(forms.ModelForm):
    """A row of the table of steel consumption."""

    span_to = NumberField(
        label=gettext_lazy("Span up to, m"), required=False, max_digits=7, decimal_places=2, min_value=0
    )
    height_to = NumberField(
        label=gettext_lazy("Height up to, m"), required=False, max_digits=7, decimal_places=2, min_value=0
    )
    kg_per_m2 = NumberField(label=gettext_lazy("Steel, kg/m²"), max_digits=8, decimal_places=2)

    class Meta:
        model = SteelConsumption
        fields = ("purpose", "span_to", "height_to", "kg_per_m2")


def _purpose(row: Any) -> dict[str, Any]:
    return {"title": row.name, "notes": [", ".join(row.synonyms)], "off": not row.is_active}


def _steel(row: Any) -> dict[str, Any]:
    span = _("span up to %(m)s m") % {"m": number(row.span_to)} if row.span_to else _("any span")
    height = _("height up to %(m)s m") % {"m": number(row.height_to)} if row.height_to else _("any height")
    title = f"{row.purpose or _('Any purpose')}: {number(row.kg_per_m2)} {_('kg/m²')}"
    return {"title": title, "notes": [span, height]}


PURPOSES = Catalogue(
    kind="purpose",
    model=Purpose,
    form=PurposeForm,
    name="settings-purposes",
    path="purposes",
    title=gettext_lazy("Purposes of buildings"),
    add_label=gettext_lazy("New purpose"),
    line=_purpose,
    order=("order", "code"),
    dialog_size="dialog-small",
)
STEEL = Catalogue(
    kind="steel",
    model=SteelConsumption,
    form=SteelForm,
    name="settings-steel",
    path="steel",
    title=gettext_lazy("Steel consumption"),
    add_label=gettext_lazy("New row"),
    line=_steel,
    intro=gettext_lazy(
        "Tonnage = area × kg/m² / 1000. The row with the nearest limits wins; a tonnage entered by hand stays."
    ),
    may_delete=True,
    order=("purpose__order", "span_to", "height_to", "pk"),
    dialog_size="dialog-small",
)
