"""The routing table's forms: a row with its conditions as plain fields, and a sample lead to try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.models import Partner, Team, User
from crm import conditions
from crm.condition_forms import as_fields, people, position_choices, region_choices, tree_of, with_stored
from crm.formfields import NumberField
from crm.models import Channel, RecordType, Source
from leads.models import Lead, RoutingRule
from leads.routing import TARGETS
from objects_registry.models import Purpose

# A field of the form: the column and the comparison that it stands for.
LEAVES = {
    "region": ("region", "in"),
    "area_from": ("area", "gte"),
    "area_to": ("area", "lte"),
    "purpose": ("purpose", "in"),
    "source": ("source", "in"),
    "channel": ("channel", "in"),
    "position": ("responsible__position", "in"),
    "responsible": ("responsible", "in"),
}


def _area(label: Any) -> NumberField:
    return NumberField(label=label, required=False, max_digits=12, decimal_places=2, min_value=0)


class ConditionsForm(forms.Form):
    """Of which leads is the talk: each field that is left empty does not matter."""

    region = forms.MultipleChoiceField(label=gettext_lazy("Regions"), required=False, choices=region_choices)
    area_from = _area(gettext_lazy("Area from, m²"))
    area_to = _area(gettext_lazy("Area to, m²"))
    purpose = forms.ModelMultipleChoiceField(Purpose.objects.all(), label=gettext_lazy("Purposes"), required=False)
    source = forms.ModelMultipleChoiceField(Source.objects.all(), label=gettext_lazy("Sources"), required=False)
    channel = forms.MultipleChoiceField(label=gettext_lazy("Channels"), required=False, choices=Channel.choices)
    position = forms.MultipleChoiceField(
        label=gettext_lazy("Position of the responsible"), required=False, choices=position_choices
    )
    responsible = forms.ModelMultipleChoiceField(User.objects.none(), label=gettext_lazy("Responsible"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["responsible"].queryset = people()
        for name in ("region", "purpose", "source", "channel", "position", "responsible"):
            fields[name].widget.attrs |= {"data-choose": "", "data-placeholder": _("any")}

    def clean(self) -> dict[str, Any]:
        """From is not above to."""
        given = super().clean() or {}
        low, high = given.get("area_from"), given.get("area_to")
        if low is not None and high is not None and low > high:
            self.add_error("area_to", _("The area «to» is less than the area «from»."))
        return given

    def tree(self, kept: list[Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """The conditions as the language of conditions has them, with those that no field of the form shows."""
        return tree_of(self.cleaned_data, LEAVES, kept or [])


class RoutingRuleForm(ConditionsForm):
    """A row: name, conditions, to whom."""

    SECTIONS = (
        ("", ("name",)),
        (
            gettext_lazy("Which leads"),
            ("region", "purpose", "area_from", "area_to", "source", "channel", "position", "responsible"),
        ),
        (gettext_lazy("To whom"), ("target", "person", "team", "share", "partner")),
    )

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, widget=forms.TextInput(attrs={"autofocus": True})
    )
    target = forms.ChoiceField(label=gettext_lazy("Who gets it"))
    person = forms.ModelChoiceField(User.objects.none(), label=pgettext_lazy("routing", "Person"), required=False)
    team = forms.ModelChoiceField(Team.objects.all(), label=gettext_lazy("Team"), required=False)
    share = forms.ChoiceField(
        label=gettext_lazy("Within the team"), choices=RoutingRule.Share.choices, required=False,
        help_text=gettext_lazy("Whoever is away is skipped."),
    )  # fmt: skip
    partner = forms.ModelChoiceField(Partner.objects.none(), label=gettext_lazy("Partner"), required=False)

    def __init__(self, data: Any = None, *, rule: RoutingRule) -> None:
        values, self.kept = as_fields(rule.conditions, LEAVES)
        initial = {"target": RoutingRule.Target.PERSON, "share": rule.share, **values}
        if not rule._state.adding:
            names = ("name", "target", "person", "team", "partner")
            initial |= {name: getattr(rule, name) for name in names}
        super().__init__(data, initial=initial)
        fields: Any = self.fields
        fields["target"].choices = [row for row in RoutingRule.Target.choices if row[0] in TARGETS]
        fields["person"].queryset = people()
        for name in ("person", "team", "partner"):
            fields[name].empty_label = "—"
        fields["partner"].queryset = Partner.objects.filter(state=Partner.State.ACTIVE)
        if rule.partner_id:
            fields["partner"].queryset |= Partner.objects.filter(pk=rule.partner_id)
        fields["region"].choices = with_stored(region_choices(), values.get("region"))
        fields["position"].choices = with_stored(position_choices(), values.get("position"))

    def clean(self) -> dict[str, Any]:
        """Whoever the kind of target asks for is named."""
        given = super().clean()
        target = given.get("target")
        if target and target in self.fields and not given.get(target):
            self.add_error(target, _("Say to whom the lead goes."))
        return given

    def values(self) -> dict[str, Any]:
        """What the service keeps."""
        given = self.cleaned_data
        names = ("name", "target", "person", "team", "partner")
        share = given["share"] or RoutingRule.Share.ROUND_ROBIN
        return {**{name: given[name] for name in names}, "share": share, "conditions": self.tree(self.kept)}

    @property
    def sections(self) -> list[dict[str, Any]]:
        """The fields in groups, for the template."""
        return [{"title": title, "fields": [self[name] for name in names]} for title, names in self.SECTIONS]

    @property
    def kept_words(self) -> str:
        """The conditions that stay as they are, in words."""
        return conditions.describe({"all": self.kept}, RecordType.LEAD) if self.kept else ""


class TryForm(forms.Form):
    """A lead by its number, or the data of one that might come."""

    lead = forms.IntegerField(label=gettext_lazy("Number of a lead"), min_value=1, max_value=2**63 - 1, required=False)
    region = forms.ChoiceField(label=gettext_lazy("Region"), required=False)
    area = _area(gettext_lazy("Area, m²"))
    purpose = forms.ModelChoiceField(Purpose.objects.all(), label=gettext_lazy("Purpose"), required=False)
    source = forms.ModelChoiceField(Source.objects.all(), label=gettext_lazy("Source"), required=False)
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), required=False)
    responsible = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("Responsible"), required=False)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        fields: Any = self.fields
        fields["region"].choices = [("", "—"), *region_choices()]
        fields["channel"].choices = [("", "—"), *Channel.choices]
        for name in ("purpose", "source", "responsible"):
            fields[name].empty_label = "—"
        fields["responsible"].queryset = people()

    def sample(self) -> Lead:
        """A lead that is nowhere stored, with the data given."""
        return sample_lead(self.cleaned_data)


def sample_lead(data: Mapping[str, Any]) -> Lead:
    """An unsaved lead of the main pipeline; what is not given is empty."""
    names = ("region", "area", "purpose", "source", "channel", "responsible")
    return Lead(pipeline_id="lead", **{name: data[name] for name in names if data.get(name)})
