"""The question to a report as a form of the page; its values stay in the URL."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, cast

from django import forms
from django.db.models import CharField, Value
from django.db.models.functions import Cast
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import Partner, Role, Team, User
from accounts.selectors import assignable_users
from analytics.breakdowns import BREAKDOWNS
from analytics.query import PERIODS, ReportQuery, offered_pipelines
from crm.errors import InvalidInput
from crm.formfields import DayInput, FullDayField
from crm.models import ClientType, Pipeline, Source
from objects_registry.models import Purpose

BY_CHOICES = tuple((code, by.label) for code, by in BREAKDOWNS.items())


OWN_PERIOD = DayInput(attrs={"data-sets": "period=custom"})


def _catalogue_choices() -> dict[str, list[tuple[str, str]]]:
    """What teams, sources and purposes there are to cut by, in the reader's language; one query for all three."""
    key = Cast("pk", CharField())
    teams = Team.objects.order_by().values_list(Value("team"), key, "name", "name", Value(0))
    sources = Source.objects.order_by().values_list(Value("source"), key, "name_ru", "name_en", "order")
    purposes = Purpose.objects.order_by().values_list(Value("purpose"), key, "name_ru", "name_en", "order")
    choices: dict[str, list[tuple[str, str]]] = {"team": [], "source": [], "purpose": []}
    is_english = (get_language() or "ru").startswith("en")
    for kind, value, russian, english, _place in sorted(teams.union(sources, purposes, all=True), key=itemgetter(4, 2)):
        choices[kind].append((value, english if is_english else russian))
    return choices


class ReportForm(forms.Form):
    """Pipeline, period and cuts; sent by GET."""

    pipeline = forms.ChoiceField(label=_("Pipeline"), required=False)
    period = forms.ChoiceField(label=_("Period"), choices=PERIODS, required=False)
    start = FullDayField(label=_("From"), required=False, widget=OWN_PERIOD)
    end = FullDayField(label=_("To"), required=False, widget=OWN_PERIOD)
    responsible = forms.ModelChoiceField(User.objects.none(), label=_("Manager"), required=False, empty_label=_("All"))
    team = forms.ChoiceField(label=_("Team"), required=False)
    source = forms.ChoiceField(label=_("Source"), required=False)
    utm_campaign = forms.CharField(label=_("Campaign"), required=False, max_length=255)
    region = forms.CharField(label=_("Region"), required=False, max_length=100)
    purpose = forms.ChoiceField(label=_("Purpose"), required=False)
    client_type = forms.ChoiceField(
        label=_("Client type"), choices=[("", _("All")), *ClientType.choices], required=False
    )
    partner = forms.ModelChoiceField(Partner.objects.all(), label=_("Partner"), required=False, empty_label=_("All"))
    by = forms.ChoiceField(label=_("Table"), choices=BY_CHOICES, required=False)

    def __init__(self, *args: Any, query: ReportQuery, names: tuple[str, ...] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = query.user
        if names is not None:
            for name in set(self.fields) - {"period", "start", "end", *names}:
                del self.fields[name]
        choices = [(item.code, item.name) for item in offered_pipelines(user)]
        if "pipeline" in self.fields:
            cast("forms.ChoiceField", self.fields["pipeline"]).choices = choices
        if "responsible" in self.fields:
            cast("forms.ModelChoiceField[User]", self.fields["responsible"]).queryset = assignable_users(user)
        catalogues = _catalogue_choices() if {"team", "source", "purpose"} & set(self.fields) else {}
        for name in set(catalogues) & set(self.fields):
            cast("forms.ChoiceField", self.fields[name]).choices = [("", _("All")), *catalogues[name]]
        if user.role in {Role.PARTNER, Role.SALES_MANAGER}:
            self.fields.pop("team", None)
        if not query.pipeline.is_partner or user.role == Role.PARTNER:
            self.fields.pop("partner", None)

    def add_prefix(self, field_name: str) -> str:
        """Dates are called from and to in the URL, words that Python keeps to itself."""
        return {"start": "from", "end": "to"}.get(field_name, field_name)


OTHER_NAMES = {"goal": _("Goal"), "goal_in": _("Goal in"), "goal_for": _("Goal for")}


def named(error: InvalidInput) -> list[str]:
    """What an error says of each parameter, with the label that the form gives it."""
    fields = {"from": "start", "to": "end"}
    found = []
    for row in error.errors:
        name = str(row["pointer"]).strip("/")
        field = ReportForm.base_fields.get(fields.get(name, name))
        label = field.label if field is not None and field.label else OTHER_NAMES.get(name, name)
        found.append(f"{label}: {row['message']}")
    return found


def bound(query: ReportQuery, data: Any, names: tuple[str, ...] | None = None) -> ReportForm:
    """The form showing the question that was understood; with `names` no other cuts than these."""
    values = data.copy()
    values["pipeline"], values["period"] = query.pipeline.code, query.preset
    values["from"], values["to"] = query.period.start.isoformat(), query.period.end.isoformat()
    return ReportForm(values, query=query, names=names)


def narrow(form: ReportForm, pipelines: list[Pipeline]) -> None:
    """Offer only these pipelines."""
    choices = [(item.code, item.name) for item in pipelines]
    cast("forms.ChoiceField", form.fields["pipeline"]).choices = choices
