"""Accounts as the administrator keeps them: the services of `accounts`, with the audit trail and the work handed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import factors, invitations, letters, services, sessions
from accounts.models import ApiToken, Invitation, Team, User
from crm import jobs, second_factor, security_log
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import RECORD_MODELS, Activity, ListJob, record_model
from crm.settings_audit import audit, save_audited, stored_value


def _person(by: User | Actor) -> User:
    """Whose rights decide: the person's, also where their token acts."""
    user = Actor.of(by).user
    if user is None:
        raise PermissionDenied
    return user


@transaction.atomic
def person_create(*, by: User | Actor, data: Mapping[str, Any], invite: bool = False) -> User:
    """Make an account; its owner sets the password by a link, with `invite` by one that is sent to them."""
    values = dict(data)
    user = services.user_create(by=_person(by), email=values.pop("email"), **values)
    audit("user", user, "created", None, user.email, by)
    if invite:
        person_invite(user, by=by)
    return user


def person_invite(user: User, *, by: User | Actor) -> Invitation:
    """Send the letter by which a person sets their first password; ValidationError where there is nobody to invite."""
    return invitations.invitation_send(user, by=_person(by), author=by)


def person_reset(user: User, *, by: User | Actor) -> None:
    """Send a person the letter by which they set a new password; the old one stays until then."""
    letters.reset_send(user, by=_person(by), author=by)


def person_sign_out(user: User, *, by: User | Actor) -> int:
    """Sign a person out everywhere, as an administrator; tokens stay. Answers how many sessions have ended."""
    return sessions.sessions_end_everywhere(user, by=_person(by), author=by)


def person_factors_remove(user: User, *, by: User | Actor) -> int:
    """Take the second factor off a person who has lost it, as an administrator."""
    return factors.factors_remove(user, by=_person(by), author=by)


@transaction.atomic
def person_reset_link(user: User, *, by: User | Actor) -> str:
    """The path by which a person sets a password, to be given by hand; who made it is in the audit trail."""
    person = _person(by)
    if not letters.may_invite(person, user):
        raise PermissionDenied(_("Only an administrator manages people."))
    security_log.written("password_link", user, by)
    return letters.reset_path(user)


@transaction.atomic
def person_update(user: User, *, by: User | Actor, data: Mapping[str, Any]) -> User:
    """Change an account; each changed field is in the audit trail."""
    before = {name: stored_value(user, name) for name in data}
    changed = services.user_update(user, by=_person(by), data=data)
    for name, old in before.items():
        new = stored_value(changed, name)
        if new != old:
            audit("user", changed, name, old, new, by)
    return changed


@transaction.atomic
def person_switch(user: User, *, by: User | Actor, on: bool) -> User:
    """Switch an account on or off; off ends its sessions and tokens at once (ACC-3)."""
    person = _person(by)
    changed = services.user_activate(user, by=person) if on else services.user_deactivate(user, by=person)
    if changed.is_active != user.is_active:
        audit("user", changed, "is_active", user.is_active, changed.is_active, by)
    return changed


@transaction.atomic
def team_save(team: Team, *, by: User | Actor, data: Mapping[str, Any]) -> Team:
    """Keep a team: `name`, `members_see_each_other`, and with `members` exactly these people in it.

    For administrators. Each person who comes or goes is a changed account in the audit trail. InvalidInput names
    wrong fields.
    """
    if not _person(by).is_administrator:
        raise PermissionDenied(_("Only an administrator manages people."))
    values = dict(data)
    members = values.pop("members", None)
    row = team if team._state.adding else Team.objects.select_for_update().get(pk=team.pk)
    save_audited("team", row, values, by=by)
    if members is not None:
        wanted = {user.pk for user in members}
        for user in row.members.exclude(pk__in=wanted):
            person_update(user, by=by, data={"team": None})
        for user in members:
            if user.team_id != row.pk:
                person_update(user, by=by, data={"team": row})
    return row


def open_work(user: User, by: User) -> dict[str, int]:
    """How many open records of each kind, and how many tasks, hang on a person; only what `by` sees."""
    counts = {}
    for record_type in RECORD_MODELS:
        rows: Any = record_model(record_type)._default_manager
        counts[record_type] = rows.visible_to(by).alive().open().filter(responsible=user).count()
    counts["task"] = Activity.objects.all().visible_to(by).undone().filter(responsible=user).count()
    return counts


def hand_over_all(user: User, *, to: User, by: User | Actor) -> ListJob:
    """Give everything open that a person answers for to another one of the same side, as one job that can be undone.

    For the sales head and the administrator, who change all records. InvalidInput when the other one is switched off or
    of another side. Tasks go over at once, records with the job.
    """
    person = _person(by)
    if not (person.is_active and person.is_head):
        raise PermissionDenied(_("Only the sales head hands over everything of a person."))
    if to.pk == user.pk or not to.is_active or to.partner_id != user.partner_id:
        message = _("Choose another active person of the same side.")
        raise InvalidInput.at("to", message)
    rows, back = _tasks_over(user, to, by)
    reason = _("Everything of %(name)s was handed over.") % {"name": user}
    return jobs.job_start(
        by=person, kind="assign", rows=rows, params={"responsible": to.pk, "reason": reason}, back=back,
        token_name=jobs.token_name(by),
    )  # fmt: skip


@transaction.atomic
def _tasks_over(user: User, to: User, by: User | Actor) -> tuple[list[tuple[str, int]], list[Any]]:
    """Give the open tasks away; answers the records that remain for the job, and what an undo takes back."""
    rows: list[tuple[str, int]] = []
    for record_type in RECORD_MODELS:
        manager: Any = record_model(record_type)._default_manager
        found = manager.visible_to(_person(by), "change").alive().open().filter(responsible=user)
        rows += [(record_type, pk) for pk in found.order_by("pk").values_list("pk", flat=True)]
    tasks = list(Activity.objects.filter(responsible=user, done_at__isnull=True).values_list("pk", flat=True))
    Activity.objects.filter(pk__in=tasks).update(responsible=to)
    if rows or tasks:
        audit("user", user, "handed_over", str(user), str(to), by)
    return rows, [["task", pk, [user.pk, to.pk]] for pk in tasks]


@transaction.atomic
def token_give(*, user: User, by: User | Actor, data: Mapping[str, Any]) -> tuple[ApiToken, str]:
    """Give out an API token; the secret is shown once and nowhere kept."""
    if second_factor.is_owed(_person(by)):
        raise ValidationError(_("Set up the second factor first: your role must have one."))
    token, secret = services.token_create(user=user, by=_person(by), **data)
    audit("token", token, "created", None, f"{token.name} ({', '.join(token.scopes)})", by)
    return token, secret


@transaction.atomic
def token_end(token: ApiToken, *, by: User | Actor) -> ApiToken:
    """Revoke an API token at once."""
    if token.revoked_at is None:
        audit("token", token, "revoked", str(token), None, by)
    return services.token_revoke(token, by=_person(by))


@transaction.atomic
def feed_give(user: User) -> str:
    """Give one's calendar a new address; the secret is shown once, the old address ends at once."""
    secret = services.feed_renew(user)
    audit("feed", str(user), "created", None, str(user), user)
    return secret


@transaction.atomic
def feed_end(user: User) -> None:
    """End the address of one's calendar; twice changes nothing."""
    if services.feed_end(user):
        audit("feed", str(user), "revoked", str(user), None, user)
