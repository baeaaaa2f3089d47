"""The registry of partners as the sales head keeps it: the services, with the audit trail of settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Partner, User
from crm.errors import InvalidInput
from crm.people_services import person_invite
from crm.settings_audit import audit
from partners import services
from partners.models import PartnerProfile
from partners.selectors import partners_with_load


def profile_of(partner: Partner) -> PartnerProfile:
    """The registry entry; a partner made without one has an empty one."""
    return getattr(partner, "profile", None) or PartnerProfile(partner=partner)


@transaction.atomic
def partner_enter(*, by: Any, data: Mapping[str, Any]) -> Partner:
    """Make a partner; with `person_email` and `person_name` its first person too. InvalidInput names wrong fields."""
    values = dict(data)
    name, email = values.pop("person_name", ""), values.pop("person_email", "")
    company = {"inn": inn} if (inn := values.pop("inn", "")) else None
    partner = services.partner_create(by=by, data=values, company_data=company)
    audit("partner", partner, "created", None, partner.name, by)
    if email:
        try:
            person_add(partner, by=by, data={"last_name": name, "email": email})
        except InvalidInput as error:
            names = {"/email": "/person_email", "/last_name": "/person_name"}
            rows = [{**row, "pointer": names.get(str(row["pointer"]), row["pointer"])} for row in error.errors]
            raise InvalidInput(error.message, errors=rows) from error
    return partner


@transaction.atomic
def partner_change(partner: Partner, *, by: Any, data: Mapping[str, Any]) -> Partner:
    """Change the name and the profile; InvalidInput names wrong fields."""
    changed = services.partner_update(partner, by=by, data=data)
    audit("partner", changed, "profile", None, {name: str(value) for name, value in data.items()}, by)
    return changed


@transaction.atomic
def person_add(partner: Partner, *, by: Any, data: Mapping[str, Any]) -> User:
    """Make an account for a person of the partner and invite them by letter to set their password."""
    made = services.partner_user_create(partner, by=by, **data)
    audit("user", made, "created", None, made.email, by)
    person_invite(made, by=by)
    return made


@transaction.atomic
def state_set(partner: Partner, *, state: str, by: Any) -> Partner:
    """Activate or pause a partner; closing is `partner_shut`."""
    old = partner.state
    changed = services.partner_set_state(partner, state=state, by=by)
    audit("partner", changed, "state", old, changed.state, by)
    return changed


@transaction.atomic
def partner_shut(partner: Partner, *, by: Any, hand_back_to: User | None, reason: str = "") -> int:
    """Close a partner and take its open records back; answers how many. InvalidInput when nobody is named for them."""
    old = partner.state
    if hand_back_to is None and (count := open_records(partner, by)):
        message = _("Say to whom its %(count)s open leads and deals go.") % {"count": count}
        raise InvalidInput(message, errors=[{"pointer": "/hand_back_to", "code": "required", "message": message}])
    returned = services.partner_close(partner, by=by, hand_back_to=hand_back_to, reason=reason)
    audit("partner", partner, "state", old, Partner.State.CLOSED, by)
    return returned


def open_records(partner: Partner, by: Any) -> int:
    """How many open leads and deals are at a partner."""
    load = partners_with_load(by if isinstance(by, User) else by.user).get(pk=partner.pk)
    return int(load.open_leads + load.open_deals)
