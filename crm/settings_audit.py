"""The audit trail of settings: stages, reasons, sources, people and the like are no records, but who changed what of
them is kept in the same table (ACC-5). `record_type` is the kind of setting, old and new name what they belong to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import identity
from crm import clock, scope
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import Change
from crm.services import plain_value

KINDS: dict[str, Any] = {
    "pipeline": gettext_lazy("Pipeline"),
    "stage": gettext_lazy("Stage"),
    "reason": gettext_lazy("Refusal reason"),
    "mapping": gettext_lazy("Mapping of stages"),
    "preference": gettext_lazy("Company setting"),
    "calendar": gettext_lazy("Working calendar"),
    "source": gettext_lazy("Source"),
    "purpose": gettext_lazy("Purpose of a building"),
    "steel": gettext_lazy("Steel consumption"),
    "product": gettext_lazy("Catalogue of products"),
    "template": gettext_lazy("Message template"),
    "webform": gettext_lazy("Web form"),
    "webhook": gettext_lazy("Webhook"),
    "team": gettext_lazy("Team"),
    "user": gettext_lazy("Person"),
    "rule": gettext_lazy("Rule"),
    "routing": gettext_lazy("Routing of leads"),
    "exclusion": gettext_lazy("Exclusion list"),
    "partner": gettext_lazy("Partner"),
    "token": gettext_lazy("API token"),
    "feed": gettext_lazy("Address of a calendar"),
    "security": gettext_lazy("Security"),
    "spend": gettext_lazy("Advertising spend"),
    "export": gettext_lazy("Export"),
    "plan": gettext_lazy("Sales plan"),
    "bonus": gettext_lazy("Bonus rule"),
}

# What the kinds are rows of; upper apps by name only.
MODELS = {
    "pipeline": "crm.Pipeline",
    "stage": "crm.Stage",
    "reason": "crm.RefusalReason",
    "mapping": "crm.StageMapping",
    "source": "crm.Source",
    "calendar": "crm.CalendarDay",
    "purpose": "objects_registry.Purpose",
    "steel": "objects_registry.SteelConsumption",
    "product": "deals.Product",
    "template": "communications.MessageTemplate",
    "webform": "communications.WebForm",
    "webhook": "communications.WebhookEndpoint",
    "team": "accounts.Team",
    "user": "accounts.User",
    "rule": "automation.Rule",
    "routing": "leads.RoutingRule",
    "exclusion": "crm.Exclusion",
    "partner": "accounts.Partner",
    "token": "accounts.ApiToken",
    "feed": "accounts.CalendarFeed",
    "spend": "analytics.AdSpend",
    "plan": "analytics.SalesPlan",
    "bonus": "analytics.BonusRule",
}
# What happened to somebody's account; the lines are of the kind "security" (crm.security_log).
SECURITY: dict[str, Any] = {
    "invited": gettext_lazy("invited by letter"),
    "invitation_accepted": gettext_lazy("accepted the invitation"),
    "reset_sent": gettext_lazy("letter for a new password"),
    "password_link": gettext_lazy("link for a new password was made"),
    "signed_in": gettext_lazy("signed in"),
    "signed_out": gettext_lazy("signed out"),
    "sign_in_failed": gettext_lazy("wrong password"),
    "locked_out": gettext_lazy("locked out"),
    "factor_failed": gettext_lazy("wrong code of the second factor"),
    "password_changed": gettext_lazy("changed the password"),
    "password_reset": gettext_lazy("set a new password by the letter"),
    "totp_added": gettext_lazy("codes from an app switched on"),
    "totp_removed": gettext_lazy("codes from an app switched off"),
    "passkey_added": gettext_lazy("passkey added"),
    "passkey_removed": gettext_lazy("passkey removed"),
    "recovery_codes": gettext_lazy("new recovery codes"),
    "factors_removed": gettext_lazy("second factor taken off"),
    "session_ended": gettext_lazy("session ended"),
    "sessions_ended": gettext_lazy("signed out everywhere"),
    "exported": gettext_lazy("file made"),
    "seeing_began": gettext_lazy("looks at the cabinet with this person's eyes"),
    "seeing_ended": gettext_lazy("has left the cabinet of this person"),
}
# What was done to a row where no single column of it changed.
DEEDS: dict[str, Any] = {
    "created": gettext_lazy("created"),
    "deleted": gettext_lazy("deleted"),
    "deleted_at": gettext_lazy("deleted"),
    "revoked": gettext_lazy("revoked"),
    "handed_over": gettext_lazy("handed over"),
    "profile": gettext_lazy("profile"),
    "required": gettext_lazy("required fields"),
    "commission": gettext_lazy("terms of commission"),
    "correction": gettext_lazy("correction of commission"),
    "payment": gettext_lazy("payment of commission"),
    "document": gettext_lazy("document"),
    "document_removed": gettext_lazy("document removed"),
    "secret": gettext_lazy("another secret"),
    "export_refused": gettext_lazy("file refused"),
    "client_lookup": gettext_lazy("looked for a client"),
    **SECURITY,
}


def require_head(by: Any) -> None:
    """Settings are kept by the sales head and the administrator."""
    user = Actor.of(by).user
    if user is None or not user.is_active or not user.is_head:
        raise PermissionDenied(_("Settings are kept by the sales head and the administrator."))


def audit(kind: str, row: Any, field: str, old: Any, new: Any, by: Any) -> None:
    """Write one line: `row` is the model instance, or the name of what was changed."""
    with identity.as_system():  # The trail of settings and accounts is not its author's to read.
        _write(kind, row, field, old, new, by)


def _write(kind: str, row: Any, field: str, old: Any, new: Any, by: Any) -> None:
    pk = getattr(row, "pk", None)
    of = str(pk if isinstance(pk, str) else row)[:200]
    Change.objects.create(
        record_type=kind,
        record_id=pk if isinstance(pk, int) else 0,
        at=clock.now(),
        field=field[:50],
        old=None if old is None else {"of": of, "value": plain_value(old)},
        new=None if new is None else {"of": of, "value": plain_value(new)},
        request_id=scope.request_id.get(),
        **Actor.of(by).as_columns(),
    )


def stored_value(row: models.Model, name: str) -> Any:
    """What a column holds: of a foreign key the key."""
    field = row._meta.get_field(name)
    return getattr(row, getattr(field, "attname", name))


def save_audited(kind: str, row: models.Model, data: Mapping[str, Any], *, by: Any) -> list[str]:
    """Set fields, check, save, and write what changed; answers the names. InvalidInput names wrong fields."""
    is_new = row._state.adding
    before = {} if is_new else {name: stored_value(row, name) for name in data}
    for name, value in data.items():
        setattr(row, name, value)
    try:
        row.full_clean()
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error
    changed = [name for name in data if is_new or stored_value(row, name) != before[name]]
    if not changed:
        return []
    row.save()
    if is_new:
        audit(kind, row, "created", None, str(row), by)
    else:
        for name in changed:
            audit(kind, row, name, before[name], stored_value(row, name), by)
    return changed


def rows_of(kinds: Iterable[str] = ()) -> models.QuerySet[Change]:
    """The audit lines of settings."""
    return Change.objects.filter(record_type__in=list(kinds) or list(KINDS))
