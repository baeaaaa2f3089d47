"""What people do with webhooks: make, change, switch, give another secret, try, send again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Role, User
from communications.models import WebhookDelivery, WebhookEndpoint, WebhookEvent, long_key
from communications.webhooks import catalogue, noting, signing, targets
from crm import clock, preferences
from crm.actors import Actor
from crm.errors import DomainError, InvalidInput
from crm.settings_audit import audit, require_head, save_audited

OLD_SECRET_WORKS = timedelta(hours=24)
State = WebhookDelivery.State
AGAIN = (State.DONE, State.FAILED, State.WITHHELD)
COLUMNS = ("name", "url", "owner", "events", "is_active")


def owners_for(user: User) -> Any:
    """Whose eyes a webhook of this person may see with: nobody's who may more than they."""
    people = User.objects.filter(is_active=True).order_by("last_name", "first_name", "pk")
    if user.is_administrator:
        return people
    return people.filter(~Q(role=Role.ADMINISTRATOR) | Q(pk=user.pk))


@transaction.atomic
def endpoint_create(*, data: Mapping[str, Any], by: Any) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint; answers it with its secret, which is told this once. InvalidInput names what is wrong."""
    require_head(by)
    endpoint = WebhookEndpoint()
    _save(endpoint, {"owner": Actor.of(by).user, **data}, by)
    return endpoint, signing.secret_of(endpoint)


@transaction.atomic
def endpoint_change(endpoint: WebhookEndpoint, *, data: Mapping[str, Any], by: Any) -> WebhookEndpoint:
    """Change an endpoint; switched on again, or with another address, it begins with a clean sheet."""
    require_head(by)
    fresh = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    was_active, url = fresh.is_active, fresh.url
    _save(fresh, data, by)
    if fresh.is_active and (not was_active or fresh.url != url):
        fresh.off_reason, fresh.failing_since, fresh.paused_until, fresh.silent_tries = "", None, None, 0
    elif was_active and not fresh.is_active:
        fresh.off_reason = WebhookEndpoint.Off.BY_HAND
    fresh.save(update_fields=["off_reason", "failing_since", "paused_until", "silent_tries"])
    catalogue.forget()
    return fresh


@transaction.atomic
def endpoint_delete(endpoint: WebhookEndpoint, *, by: Any) -> None:
    """Take an endpoint away with its log; what waits for it is not sent any more."""
    require_head(by)
    audit("webhook", endpoint, "deleted", endpoint.name, None, by)
    endpoint.delete()
    catalogue.forget()


@transaction.atomic
def secret_rotate(endpoint: WebhookEndpoint, *, by: Any) -> tuple[WebhookEndpoint, str]:
    """Another secret, told this once; for a day both sign, so that the receiver can change at leisure."""
    require_head(by)
    fresh = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    fresh.old_seed, fresh.old_until = fresh.seed, clock.now() + OLD_SECRET_WORKS
    fresh.seed = long_key()
    fresh.save(update_fields=["seed", "old_seed", "old_until"])
    audit("webhook", fresh, "secret", None, None, by)
    catalogue.forget()
    return fresh, signing.secret_of(fresh)


def _save(endpoint: WebhookEndpoint, data: Mapping[str, Any], by: Any) -> None:
    given = {name: data[name] for name in COLUMNS if name in data}
    user = Actor.of(by).user
    if "url" in given:
        given["url"] = str(given["url"]).strip()
        try:
            targets.check(given["url"])
        except targets.BadTarget as error:
            raise _wrong("url", error.message) from error
    if "events" in given:
        given["events"] = [name for name in catalogue.ALL_TYPES if name in set(given["events"])]
        if unknown := set(data["events"]) - set(catalogue.ALL_TYPES):
            raise _wrong("events", _("There is no such event: %(name)s.") % {"name": min(unknown)[:60]})
    if "owner" in given and (user is None or not owners_for(user).filter(pk=getattr(given["owner"], "pk", 0)).exists()):
        raise _wrong("owner", _("Choose a person who may see no more than you."))
    save_audited("webhook", endpoint, given, by=by)
    catalogue.forget()


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, errors=[{"pointer": f"/{field}", "code": "invalid", "message": message}])


# -- messages ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def test_send(endpoint: WebhookEndpoint, *, by: Any) -> WebhookDelivery:
    """Queue a test message, also to an endpoint that rests; refused where it is switched off."""
    require_head(by)
    _require_active(endpoint)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(paused_until=None)
    data = {"text": _("A test of the webhook «%(name)s».") % {"name": endpoint.name}, "changes": []}
    event = noting.event_write(catalogue.TEST, None, data)
    return noting.deliveries_add(event, [endpoint])[0]


@transaction.atomic
def delivery_again(delivery: WebhookDelivery, *, by: Any) -> WebhookDelivery:
    """Send a message again, with the same webhook-id; one that waits goes out now. Twice is once."""
    require_head(by)
    _require_active(delivery.endpoint)
    row = WebhookDelivery.objects.select_for_update().get(pk=delivery.pk)
    if row.state in AGAIN or row.state == State.QUEUED:
        row.state, row.attempts, row.not_before = State.QUEUED, 0, clock.now()
        row.save(update_fields=["state", "attempts", "not_before"])
        WebhookEndpoint.objects.filter(pk=row.endpoint_id).update(paused_until=None)
    return row


@transaction.atomic
def failed_again(endpoint: WebhookEndpoint, *, by: Any) -> int:
    """Send everything again that could not be delivered; answers how much."""
    require_head(by)
    _require_active(endpoint)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(paused_until=None)
    failed = endpoint.deliveries.filter(state=State.FAILED)
    return failed.update(state=State.QUEUED, attempts=0, not_before=clock.now())


@transaction.atomic
def robot_call(endpoint: WebhookEndpoint, record: Any, *, rule: Any, text: str, key: str) -> WebhookDelivery:
    """Queue what a robot tells an endpoint of a record; with the same key once, however often it is asked."""
    _require_active(endpoint)
    if known := WebhookDelivery.objects.filter(endpoint=endpoint, event__key=key).first():
        return known
    data: dict[str, Any] = {"rule": {"code": rule.code, "name": rule.name}, "text": text, "changes": []}
    event = noting.event_write(catalogue.ROBOT, record, data, key=key, rule_name=rule.name)
    return noting.deliveries_add(event, [endpoint])[0]


def _require_active(endpoint: WebhookEndpoint) -> None:
    if not endpoint.is_active:
        raise DomainError(_("The webhook «%(name)s» is switched off.") % {"name": endpoint.name})


def log_prune() -> int:
    """Forget what is older than the settings say, but not what still waits; answers how many messages."""
    until = clock.now() - timedelta(days=preferences.get("webhook_log_days"))
    done = WebhookDelivery.objects.filter(created_at__lt=until).exclude(state__in=[State.QUEUED, State.SENDING])
    count, _rows = done.delete()
    WebhookEvent.objects.filter(at__lt=until, deliveries__isnull=True).delete()
    return count


def waiting_age() -> float:
    """How many seconds the oldest message that could go out has been waiting; 0 when none does."""
    now = clock.now()
    resting = WebhookEndpoint.objects.filter(Q(is_active=False) | Q(paused_until__gt=now))
    due = WebhookDelivery.objects.filter(state=State.QUEUED, not_before__lte=now).exclude(endpoint__in=resting)
    oldest = due.order_by("not_before").values_list("not_before", flat=True).first()
    return (now - oldest).total_seconds() if oldest else 0.0
