"""The catalogue of products and services in the settings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.formfields import NumberField
from crm.templatetags.ui import money
from crm.views.catalogue import Catalogue
from deals.models import Product


class ProductForm(forms.ModelForm):
    """What is sold, by which unit and for how much."""

    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=255, required=False)
    price = NumberField(
        label=gettext_lazy("Price, ₽"), max_digits=15, decimal_places=2, min_value=0,
        help_text=gettext_lazy("For one unit, VAT included."),
    )  # fmt: skip

    class Meta:
        model = Product
        fields = ("name_ru", "name_en", "unit", "price", "vat", "per_tonne", "order", "is_active")


def _product(row: Any) -> dict[str, Any]:
    notes = [f"{money(row.price)} / {row.unit}", f"{_('VAT')}: {row.get_vat_display()}"]
    if row.per_tonne:
        notes.append(_("by the tonnage of the deal"))
    return {"title": row.name, "notes": notes, "off": not row.is_active}


PRODUCTS = Catalogue(
    kind="product",
    model=Product,
    form=ProductForm,
    name="settings-products",
    path="products",
    title=gettext_lazy("Catalogue of products"),
    add_label=gettext_lazy("New product or service"),
    line=_product,
    intro=gettext_lazy("What deals are put together of. A changed price changes no deal that has the line already."),
    order=("order", "name_ru", "pk"),
    dialog_size="dialog-small",
)
