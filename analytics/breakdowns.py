"""By what a report's table may be cut: manager, team, source, campaign ...; each group opens its own list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Partner, Team, User
from crm.models import ClientType, Source
from objects_registry.models import Purpose


@dataclass(frozen=True)
class Breakdown:
    """One way to cut: the column (or expression) of a record, the list's filters, and where the names stand."""

    label: Any
    column: Any
    param: str
    no_param: str
    model: Any = None
    choices: Any = ()

    def groups(self, rows: QuerySet[Any]) -> Any:
        """The records grouped by `key`."""
        return rows.annotate(key=self.column).values("key")

    def cut(self, key: Any) -> dict[str, str]:
        """The parameter of the list that leaves this group alone."""
        return {self.param: str(key)} if key else {self.no_param: "true"}

    def names(self, keys: set[Any]) -> dict[Any, str]:
        """What the groups are called: one look-up for all of them."""
        found = {key: str(key) if key else _("not given") for key in keys}
        if self.model is not None:
            found |= {row.pk: str(row) for row in self.model.objects.filter(pk__in=[key for key in keys if key])}
        return found | {key: str(label) for key, label in self.choices if key in keys}


BREAKDOWNS: dict[str, Breakdown] = {
    "responsible": Breakdown(gettext_lazy("By manager"), F("responsible"), "responsible", "no_responsible", User),
    "team": Breakdown(gettext_lazy("By team"), F("responsible__team"), "team", "no_team", Team),
    "source": Breakdown(gettext_lazy("By source"), F("source"), "source", "no_source", Source),
    "campaign": Breakdown(gettext_lazy("By campaign"), F("utm_campaign"), "utm_campaign", "no_campaign"),
    "region": Breakdown(gettext_lazy("By region"), F("region"), "region", "no_region"),
    "purpose": Breakdown(gettext_lazy("By purpose"), F("purpose"), "purpose", "no_purpose", Purpose),
    "partner": Breakdown(gettext_lazy("By partner"), F("partner"), "partner", "no_partner", Partner),
    "client_type": Breakdown(
        gettext_lazy("By client type"),
        Coalesce(F("company__client_type"), F("contact__client_type")),
        "client_type",
        "no_client",
        choices=ClientType.choices,
    ),
}
