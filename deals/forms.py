"""Forms of deals: a quick one, and the one with everything."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.formfields import NumberField, RecordChoice, TagsField
from crm.keys import key_in
from crm.models import RecordType
from crm.screens.pages import RecordForm
from deals.models import Product, Vat


class QuickDealForm(forms.Form):
    """Who buys and what it is about; the rest comes with the work."""

    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"autofocus": True}),
        help_text=gettext_lazy("Left empty, it is made by the template."),
    )
    amount = NumberField(label=gettext_lazy("Amount"), required=False, max_digits=15, decimal_places=2, min_value=0)

    tags = TagsField(label=gettext_lazy("Tags"), required=False)

    def __init__(self, data: Any = None, *, user: Any) -> None:
        super().__init__(data)
        self.fields["contact"] = RecordChoice(RecordType.CONTACT, user, label=_("Contact"), required=False)
        self.fields["company"] = RecordChoice(RecordType.COMPANY, user, label=_("Company"), required=False)
        self.order_fields(["contact", "company", "title", "amount", "tags"])

    def clean(self) -> dict[str, Any]:
        """Something must be known."""
        given = super().clean() or {}
        if not self.errors and not any(given.get(name) for name in ("title", "contact", "company")):
            raise forms.ValidationError(_("Choose the client or write a title."))
        return given


class DealForm(RecordForm):
    """All that is asked of a deal."""

    SECTIONS = (
        (
            gettext_lazy("Deal"),
            ("company", "contact", "amount", "expected_close_date", "contract_number", "contract_date"),
        ),
        (gettext_lazy("Request"), ("request_text",)),
        (
            gettext_lazy("Building"),
            ("purpose", "construction_start", "length", "width", "height", "area", "tonnage", "address", "object"),
        ),
        (gettext_lazy("Work"), ("title", "source", "responsible", "tags")),
    )

    def __init__(self, data: Any = None, *, record: Any, user: Any) -> None:
        super().__init__(data, record=record, user=user)
        self.fields["title"].required = False
        self.fields["title"].help_text = _("Left empty, it is made by the template.")


class LineForm(forms.Form):
    """One product or service; a row without a name and a product is left out."""

    # Which line of the deal it was: what is changed is told by it, wherever the row stands now.
    row = forms.IntegerField(required=False, widget=forms.HiddenInput)
    product = forms.ModelChoiceField(
        Product.objects.filter(is_active=True), label=gettext_lazy("From the catalogue"), required=False
    )
    name = forms.CharField(label=gettext_lazy("Product or service"), max_length=255, required=False)
    quantity = NumberField(label=gettext_lazy("Quantity"), required=False, max_digits=12, decimal_places=3, min_value=0)
    unit = forms.CharField(label=gettext_lazy("Unit"), max_length=20, required=False)
    price = NumberField(label=gettext_lazy("Price"), required=False, max_digits=15, decimal_places=2, min_value=0)

    discount = NumberField(
        label=gettext_lazy("Discount, %"), required=False, max_digits=5, decimal_places=2, min_value=0, max_value=100
    )
    vat = forms.ChoiceField(
        label=gettext_lazy("VAT"), required=False, choices=[("", gettext_lazy("as usual")), *Vat.choices]
    )
    per_tonne = forms.BooleanField(label=gettext_lazy("By the tonne"), required=False)

    def __init__(self, *args: Any, user: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if user is not None and user.is_partner:
            del self.fields["product"]

    def clean(self) -> dict[str, Any]:
        """A product needs a price; the quantity is one where none is given. The catalogue knows all of it."""
        given = super().clean() or {}
        if given.get("product"):
            return self._of_product(given) if "product" in self.changed_data else given
        if given.get("name"):
            if given.get("quantity") is None and "quantity" not in self.errors:
                given["quantity"] = 1
            if given.get("price") is None and "price" not in self.errors:
                self.add_error("price", _("Give the price."))
        elif given.get("price") is not None:
            self.add_error("name", _("Name the product or service."))
        return given

    def _of_product(self, given: dict[str, Any]) -> dict[str, Any]:
        """A product just chosen says itself what nobody has typed beside it."""
        known = ("name", "unit", "price", "vat", "per_tonne")
        return {name: value for name, value in given.items() if name not in known or name in self.changed_data}


class AmountForm(forms.Form):
    """Does the deal's amount follow the lines from now on?"""

    takes_amount = forms.BooleanField(
        label=gettext_lazy("The amount of the deal is the total of the lines"), required=False
    )


LineFormSet = forms.formset_factory(LineForm, extra=1, max_num=200, absolute_max=210)
LINE_INPUTS = tuple(LineForm.base_fields)
# What a button of a row does with the rows: they change places, or one goes.
MOVES = {"up": -1, "down": 1}


def posted_rows(data: Any, prefix: str) -> list[dict[str, Any]]:
    """The rows as they were typed, by field; what is no number of rows is none."""
    total = str(data.get(f"{prefix}-TOTAL_FORMS", ""))
    count = min(int(total), LineFormSet.absolute_max) if total.isascii() and total.isdigit() else 0
    return [{name: data.get(f"{prefix}-{number}-{name}", "") for name in LINE_INPUTS} for number in range(count)]


def arranged(data: Any, prefix: str) -> list[dict[str, Any]] | None:
    """The rows after a press of "up", "down", "remove" or "add"; None where none of these was pressed."""
    pressed = next((name for name in ("up", "down", "remove", "add") if name in data), "")
    if not pressed:
        return None
    rows = posted_rows(data, prefix)
    place = key_in(data[pressed])
    if pressed != "add" and place is not None and place < len(rows):
        row = rows.pop(place)
        if pressed in MOVES:
            rows.insert(max(0, place + MOVES[pressed]), row)
    return [row for row in rows if row["name"].strip() or row["product"]]
