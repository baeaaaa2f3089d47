"""The question to a report as a form of the page; its values stay in the URL."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Partner, Role, Team, User
from accounts.selectors import assignable_users
from analytics.query import PERIODS, ReportQuery, offered_pipelines
from crm.models import Source
from objects_registry.models import Purpose

BY_CHOICES = (
    ("responsible", _("By manager")),
    ("team", _("By team")),
    ("source", _("By source")),
    ("region", _("By region")),
    ("purpose", _("By purpose")),
)
date_input = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ReportForm(forms.Form):
    """Pipeline, period and cuts; sent by GET."""

    pipeline = forms.ChoiceField(label=_("Pipeline"), required=False)
    period = forms.ChoiceField(label=_("Period"), choices=PERIODS, required=False)
    start = forms.DateField(label=_("From"), required=False, widget=date_input)
    end = forms.DateField(label=_("To"), required=False, widget=date_input)
    responsible = forms.ModelChoiceField(User.objects.none(), label=_("Manager"), required=False, empty_label=_("All"))
    team = forms.ModelChoiceField(Team.objects.all(), label=_("Team"), required=False, empty_label=_("All"))
    source = forms.ModelChoiceField(Source.objects.all(), label=_("Source"), required=False, empty_label=_("All"))
    purpose = forms.ModelChoiceField(Purpose.objects.all(), label=_("Purpose"), required=False, empty_label=_("All"))
    partner = forms.ModelChoiceField(Partner.objects.all(), label=_("Partner"), required=False, empty_label=_("All"))
    by = forms.ChoiceField(label=_("Table"), choices=BY_CHOICES, required=False)

    def __init__(self, *args: Any, query: ReportQuery, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = query.user
        choices = [(item.code, item.name) for item in offered_pipelines(user)]
        cast("forms.ChoiceField", self.fields["pipeline"]).choices = choices
        cast("forms.ModelChoiceField[User]", self.fields["responsible"]).queryset = assignable_users(user)
        if user.role in {Role.PARTNER, Role.SALES_MANAGER}:
            del self.fields["team"]
        if not query.pipeline.is_partner or user.role == Role.PARTNER:
            del self.fields["partner"]

    def add_prefix(self, field_name: str) -> str:
        """Dates are called from and to in the URL, words that Python keeps to itself."""
        return {"start": "from", "end": "to"}.get(field_name, field_name)


def bound(query: ReportQuery, data: Any) -> ReportForm:
    """The form showing the question that was understood."""
    values = data.copy()
    values["pipeline"], values["period"] = query.pipeline.code, query.preset
    values["from"], values["to"] = query.period.start.isoformat(), query.period.end.isoformat()
    return ReportForm(values, query=query)
