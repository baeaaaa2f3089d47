"""Partners of whom nothing has been heard: found by days, closed together, their open records handed back (ACC-3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import F, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext as _

from accounts.models import Partner, User, UserSession
from crm import clock, jobs
from crm.actors import Actor
from crm.errors import DomainError, InvalidInput
from crm.models import ListJob, StageHistory, TimelineEntry
from partners.registry import partner_shut
from partners.rights import may_manage, require_manager
from partners.selectors import partners_with_load

FEWEST_DAYS, MOST_DAYS, USUAL_DAYS = 1, 3650, 90
# What a row of the job is; partners are no records.
KIND = "partner"
# What tells of a partner's people: model, its person, its time.
SIGNS: tuple[tuple[Any, str, str], ...] = (
    (User, "partner", "last_login"),
    (UserSession, "user__partner", "seen_at"),
    (StageHistory, "actor_user__partner", "at"),
    (TimelineEntry, "actor_user__partner", "at"),
)


def _last(model: Any, partner: str, moment: str) -> Coalesce:
    rows = model._default_manager.filter(**{partner: OuterRef("pk")}).order_by().values(partner)
    # A partner of whom there is no sign at all counts from the day it was entered.
    return Coalesce(Subquery(rows.annotate(last_sign=Max(moment)).values("last_sign")), F("created_at"))


def with_last_sign(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Partners with `seen_at`: when one of their people last signed in, was here, moved or wrote something."""
    return rows.annotate(seen_at=Greatest(F("created_at"), *(_last(*sign) for sign in SIGNS)))


def inactive_partners(user: User, days: int) -> QuerySet[Any]:
    """The partners not closed yet of whom nothing was heard for `days` days, longest silent first, with their load."""
    rows = with_last_sign(partners_with_load(user).exclude(state=Partner.State.CLOSED))
    return rows.filter(seen_at__lt=clock.now() - timedelta(days=days)).order_by("seen_at", "pk")


def inactive_close(
    *, by: Any, partners: Sequence[int], days: int, hand_back_to: User | None, reason: str = "", token_name: str = ""
) -> ListJob:
    """Have a worker close these partners one by one; each with its records in one transaction, or not at all.

    Who is heard of meanwhile stays. InvalidInput where nobody is chosen, where days are out of bounds, or where
    there are open records and nobody for them; PermissionDenied for whoever does not keep the registry.
    """
    actor = Actor.of(by)
    require_manager(actor)
    if not FEWEST_DAYS <= days <= MOST_DAYS:
        names = {"from": FEWEST_DAYS, "to": MOST_DAYS}
        raise InvalidInput.at("days", _("Days are a number from %(from)s to %(to)s.") % names)
    user: Any = actor.user
    chosen = list(inactive_partners(user, days).filter(pk__in=partners))
    if not chosen:
        raise InvalidInput.at("partners", _("Choose at least one partner of the list."))
    count = sum(row.open_leads + row.open_deals for row in chosen)
    if hand_back_to is None and count:
        message = _("Say to whom their %(count)s open leads and deals go.") % {"count": count}
        raise InvalidInput.at("hand_back_to", message)
    if hand_back_to is not None and (hand_back_to.partner_id is not None or not hand_back_to.is_active):
        raise InvalidInput.at("hand_back_to", _("Choose an active person of the manufacturer."))
    params = {"days": days, "hand_back_to": hand_back_to.pk if hand_back_to else None, "reason": reason.strip()}
    rows = [(KIND, row.pk) for row in chosen]
    return jobs.job_start(by=user, kind=ListJob.Kind.CLOSE, rows=rows, params=params, token_name=token_name)


def close_one(partner: Partner, by: Any, params: Mapping[str, Any]) -> None:
    """One partner of a job; there is no way back, for what was taken away from its people stays away."""
    user: Any = Actor.of(by).user
    if not inactive_partners(user, params["days"]).filter(pk=partner.pk).exists():
        text = _("«%(partner)s» is closed already, or was heard of meanwhile: it stays as it is.")
        raise DomainError(text % {"partner": partner})
    heir = User.objects.filter(pk=params["hand_back_to"], is_active=True).first() if params["hand_back_to"] else None
    reason = params["reason"] or _("Nothing was heard for %(days)s days.") % {"days": params["days"]}
    try:
        partner_shut(partner, by=by, hand_back_to=heir, reason=reason)
    except DomainError as error:
        raise DomainError(f"«{partner}»: {error.message}") from error


def partners_of_job(keys: list[int], user: User) -> dict[int, Any]:
    """The partners of a chunk, for as long as the person keeps the registry."""
    return {row.pk: row for row in Partner.objects.filter(pk__in=keys)} if may_manage(user) else {}
