"""The kernel's own catalogues: sources of clients, teams."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Team
from crm.models import Source
from crm.views.catalogue import Catalogue


class SourceForm(forms.ModelForm):
    """Where clients come from."""

    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=100, required=False)

    class Meta:
        model = Source
        fields = ("name_ru", "name_en", "order", "is_active")


class TeamForm(forms.ModelForm):
    """A team of sales people."""

    class Meta:
        model = Team
        fields = ("name", "members_see_each_other")


def _source(row: Any) -> dict[str, Any]:
    return {"title": row.name, "notes": [row.code], "off": not row.is_active}


def _team(row: Any) -> dict[str, Any]:
    seen = _("see each other's records") if row.members_see_each_other else _("see their own records")
    return {"title": row.name, "notes": [_("People: %(count)s") % {"count": row.members.count()}, seen]}


SOURCES = Catalogue(
    kind="source",
    model=Source,
    form=SourceForm,
    name="settings-sources",
    path="sources",
    title=gettext_lazy("Sources"),
    add_label=gettext_lazy("New source"),
    line=_source,
    order=("order", "code"),
    dialog_size="dialog-small",
)
TEAMS = Catalogue(
    kind="team",
    model=Team,
    form=TeamForm,
    name="settings-teams",
    path="teams",
    title=gettext_lazy("Teams"),
    add_label=gettext_lazy("New team"),
    line=_team,
    order=("name",),
    for_administrators=True,
    dialog_size="dialog-small",
)
