"""The registry of partners (PART-1): making, changing, pausing and closing them, their users, handing all back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from accounts.models import Partner, Role, User
from accounts.services import access_end, user_create
from crm import timeline
from crm.actors import Actor
from crm.clients import company_create
from crm.errors import InvalidInput
from crm.models import ClientType, Company, RecordType, record_model
from crm.normalize import phone as read_phone
from crm.services import record_assign, record_create, record_update
from crm.together import apart
from partners.commission import commission_rule_set, rule_in_force, terms_text
from partners.field_map import HANDED
from partners.handoff import HandoffError, copy_files, on_behalf, recall
from partners.models import Handoff, PartnerProfile
from partners.rights import require_manager
from partners.withdrawal import take_back

PROFILE_FIELDS = (
    "regions", "phone", "email", "contact_name", "contract", "comment",
)  # fmt: skip
OWN_PIPELINES = {RecordType.LEAD: "lead", RecordType.DEAL: "deal"}


@apart
def partner_create(
    *, by: Any, data: Mapping[str, Any], company: Company | None = None, company_data: Mapping[str, Any] | None = None
) -> Partner:
    """Enter a partner into the registry with its profile and its company, of the type «Партнёр».

    `data`: name, the fields of the profile, and `commission_percent` for a flat commission from today. Raises
    InvalidInput with the fields named.
    """
    actor = Actor.of(by)
    require_manager(actor)
    partner = Partner(name=str(data.get("name", "")).replace("\x00", "").strip())
    _clean(partner)
    partner.save()
    profile = PartnerProfile(partner=partner)
    _fill(profile, data)
    profile.company = _company(partner, profile, company, company_data, actor)
    _clean(profile)
    profile.save()
    _set_percent(partner, data, actor)
    return partner


def _set_percent(partner: Partner, data: Mapping[str, Any], actor: Actor) -> tuple[str, str] | None:
    """Agree on a flat commission, where one is given; answers the percent before and now, None where none is given.

    Nought is what there is without terms.
    """
    percent = data.get("commission_percent")
    before = rule_in_force(partner.pk)
    if percent is None or (before is None and not percent):
        return None
    try:
        made = commission_rule_set(partner, by=actor, steps=[(0, percent)])
    except InvalidInput as error:
        raise InvalidInput.at("commission_percent", error.message) from error
    return terms_text(before), terms_text(made)


def _company(
    partner: Partner, profile: PartnerProfile, company: Company | None, data: Mapping[str, Any] | None, actor: Actor
) -> Company:
    if company is not None:
        if company.client_type != ClientType.PARTNER:
            record_update(company, data={"client_type": ClientType.PARTNER}, by=actor)
        return company
    values = {"name": partner.name, "phone": profile.phone, "email": profile.email, **(data or {})}
    filled = {name: value for name, value in values.items() if value}
    return company_create(by=actor, data={**filled, "client_type": ClientType.PARTNER})


@apart
def partner_update(partner: Partner, *, by: Any, data: Mapping[str, Any]) -> Partner:
    """Change a partner's name and profile; what changed is told on the timeline of its company."""
    actor = Actor.of(by)
    require_manager(actor)
    locked = Partner.objects.select_for_update().get(pk=partner.pk)
    profile, _made = PartnerProfile.objects.get_or_create(partner=locked)
    before = _shown(locked, profile)
    if "name" in data:
        locked.name = str(data["name"]).replace("\x00", "").strip()
    _fill(profile, data)
    _clean(locked)
    _clean(profile)
    locked.save(update_fields=["name"])
    profile.save()
    after = _shown(locked, profile)
    if (percents := _set_percent(locked, data, actor)) is not None:
        label = str(_("commission"))
        before["commission_percent"], after["commission_percent"] = ((label, text) for text in percents)
    _tell(profile, before, after, actor)
    return locked


def _fill(profile: PartnerProfile, data: Mapping[str, Any]) -> None:
    for name in PROFILE_FIELDS:
        if name in data:
            value = data[name]
            setattr(profile, name, value.replace("\x00", "").strip() if isinstance(value, str) else value)
    if profile.phone:
        found = read_phone(profile.phone)
        if found is None:
            message = _("«%(value)s» is not a phone number.") % {"value": profile.phone[:60]}
            raise InvalidInput(message, errors=[{"pointer": "/phone", "code": "invalid_phone", "message": message}])
        profile.phone = found.e164


def _clean(row: Partner | PartnerProfile) -> None:
    try:
        row.full_clean(exclude=["company", "partner"])
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error


def _shown(partner: Partner, profile: PartnerProfile) -> dict[str, tuple[str, str]]:
    rows = {"name": (str(_("name")), partner.name), "state": (str(_("state")), str(partner.state))}
    for name in PROFILE_FIELDS:
        value = getattr(profile, name)
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
        rows[name] = (str(PartnerProfile._meta.get_field(name).verbose_name), shown)  # type: ignore[union-attr]
    return rows


def _tell(
    profile: PartnerProfile, before: Mapping[str, tuple[str, str]], after: Mapping[str, tuple[str, str]], actor: Actor
) -> None:
    changes = [
        {"field": name, "label": label, "old": before[name][1], "new": new}
        for name, (label, new) in after.items()
        if before[name][1] != new
    ]
    if changes and profile.company is not None:
        timeline.record(profile.company, "partner_changed", actor, {"changes": changes}, internal=True)


def partner_user_create(partner: Partner, *, by: Any, email: str, password: str | None = None, **fields: Any) -> User:
    """Make an account for a person of the partner; InvalidInput names wrong fields."""
    actor = Actor.of(by)
    require_manager(actor)
    if partner.state == Partner.State.CLOSED:
        raise HandoffError(_("The partner «%(partner)s» is closed.") % {"partner": partner})
    try:
        return user_create(by=None, email=email, password=password, **fields, role=Role.PARTNER, partner=partner)
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error


@apart
def partner_set_state(partner: Partner, *, state: str, by: Any) -> Partner:
    """Activate, pause or close a partner. A paused one works on, but is handed nothing new; closing ends all access.

    An activated one gets its access back only person by person.
    """
    actor = Actor.of(by)
    require_manager(actor)
    if state not in Partner.State.values:
        raise InvalidInput(_("There is no such state."), errors=[{"pointer": "/state", "code": "invalid"}])
    locked = Partner.objects.select_for_update().get(pk=partner.pk)
    if locked.state == state:
        return locked
    profile, _made = PartnerProfile.objects.get_or_create(partner=locked)
    before = _shown(locked, profile)
    locked.state = state
    locked.save(update_fields=["state"])
    if state == Partner.State.CLOSED:
        people = User.objects.filter(partner=locked)
        access_end(people.values_list("pk", flat=True))
        people.update(is_active=False)
    _tell(profile, before, _shown(locked, profile), actor)
    return locked


# -- closing ----------------------------------------------------------------------------------------------------------


@apart
def partner_close(partner: Partner, *, by: Any, hand_back_to: User | None = None, reason: str = "") -> int:
    """Close a partner: its users are switched off and signed out at once (ACC-3).

    With `hand_back_to` its open leads and deals come back to that person in the same step; answers how many. Without,
    they stay where they are, in sight of the controllers, and can be handed back later by partner_hand_back.
    """
    partner_set_state(partner, state=Partner.State.CLOSED, by=by)
    return partner_hand_back(partner, to=hand_back_to, by=by, reason=reason) if hand_back_to is not None else 0


@apart
def partner_hand_back(partner: Partner, *, to: User, by: Any, reason: str = "") -> int:
    """Give every open lead and deal of a partner to a person of the manufacturer; answers how many there were.

    Hand-overs are recalled. What the partner brought itself becomes a record of the manufacturer, the partner's own
    one is set aside.
    """
    actor = Actor.of(by)
    require_manager(actor)
    if to.partner_id is not None or not to.is_active:
        message = _("Choose an active person of the manufacturer.")
        raise InvalidInput.at("hand_back_to", message)
    why = reason.strip() or _("The partner «%(partner)s» is closed.") % {"partner": partner}
    count = 0
    for handoff in Handoff.objects.filter(partner=partner, state=Handoff.State.ACTIVE).order_by("pk"):
        recall(handoff_id=handoff.pk, by=actor, reason=why)
        origin: Any = record_model(handoff.record_type)._default_manager.get(pk=handoff.record_id)
        record_assign(origin, responsible=to, by=on_behalf(actor), reason=why)
        count += 1
    for record_type in OWN_PIPELINES:
        rows: Any = record_model(record_type)._default_manager.alive().open()
        for record in rows.filter(partner=partner).order_by("pk").select_for_update(of=("self",)):
            _adopt(record, to, actor, why)
            count += 1
    return count


def _adopt(record: Any, to: User, actor: Actor, why: str) -> Any:
    """The manufacturer's record of what a partner had brought itself."""
    from crm.contact_points import Point, add_points, points_of

    data = {name: getattr(record, name) for name in HANDED[record.RECORD_TYPE]}
    own = record_create(
        type(record),
        data={**data, "responsible": to},
        by=on_behalf(actor),
        pipeline=OWN_PIPELINES[record.RECORD_TYPE],
    )
    if record.RECORD_TYPE == RecordType.LEAD:
        add_points(own, [Point(item.kind, item.value, item.original, item.extension) for item in points_of(record)])
    copy_files(record, own)
    record_update(record, data={}, by=on_behalf(actor), origin=own)
    timeline.record(record, "taken_back", actor, {"reason": why})
    take_back(record, origin=own, by=on_behalf(actor), reason=why)
    timeline.record(own, "recalled", actor, {"partner": record.partner.name, "reason": why})
    return own


@apart
def feedback_set(
    deal: Any, *, by: Any, product: int | None = None, partner: int | None = None, text: str | None = None
) -> Any:
    """Enter what the client says of the product and of the partner (PART-5); only the manufacturer's controllers."""
    actor = Actor.of(by)
    rows = type(deal)._default_manager.alive()
    if actor.is_person and actor.user is not None:
        rows = rows.visible_to(actor.user)
        if rows.filter(pk=deal.pk).exists() and not rows.visible_to(actor.user, "score").filter(pk=deal.pk).exists():
            raise PermissionDenied(_("The manufacturer asks the client for feedback."))
    locked = rows.select_for_update(of=("self",)).get(pk=deal.pk)
    given = {"feedback_product": product, "feedback_partner": partner, "feedback_text": text}
    return record_update(locked, data={name: value for name, value in given.items() if value is not None}, by=actor)
