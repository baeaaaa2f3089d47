"""What rules tell programs of others: a webhook of the settings is called with the record."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from automation.actions import params
from automation.actions.registry import Context, Outcome, action
from communications.models import WebhookEndpoint
from communications.webhooks import catalogue, services
from crm.errors import DomainError
from crm.models import StagedRecord
from crm.visibility import reaches


def _endpoint(_asked: params.Asked) -> forms.Field:
    """A webhook of the settings, by its key: a file of settings must not name another one by chance."""
    return forms.ModelChoiceField(
        WebhookEndpoint.objects.all(), label=_("Webhook"), empty_label="—", to_field_name="key",
        help_text=_("Made under Settings → Webhooks; it is sent the record as its owner sees it."),
    )  # fmt: skip


def chosen(given: Any) -> WebhookEndpoint | None:
    """The webhook that a rule names; None where it was deleted."""
    key = str(given.get("endpoint") or "")
    return next((row for row in catalogue.endpoints() if row.key == key), None)


@action(
    "call_webhook",
    gettext_lazy("Call a webhook"),
    params={
        "endpoint": _endpoint,
        "text": params.line(
            gettext_lazy("What for"), help_text=gettext_lazy("Goes along as `text`, so that the program can tell.")
        ),
    },
    is_late_ok=False,
)
def call_webhook(context: Context) -> Outcome | None:
    """Queue one message; a worker sends it, and what came of it is on the record's timeline."""
    endpoint = chosen(context.params)
    if endpoint is None:
        raise DomainError(_("The webhook of this robot is not there any more."))
    text, key = str(context.params.get("text") or ""), f"auto:{context.key}"
    made = services.robot_call(endpoint, context.record, rule=context.rule, text=text, key=key)
    return Outcome("webhook_queued", {"name": endpoint.name, "id": made.pk})


def what_is_sent(given: Any, record: StagedRecord) -> str:
    """What a call would send about this record at the moment, or why nothing."""
    endpoint = chosen(given)
    if endpoint is None:
        return _("Nothing: the webhook of this robot is not there any more")
    if not endpoint.is_active:
        return _("Nothing: the webhook «%(name)s» is switched off") % {"name": endpoint.name}
    owner = endpoint.owner
    if not reaches(record, owner):
        return _("Nothing: the owner of the webhook «%(name)s», %(owner)s, may not see the record") % {
            "name": endpoint.name, "owner": owner.short_name,
        }  # fmt: skip
    words = {"name": endpoint.name, "url": endpoint.url, "owner": owner.short_name}
    sent = _("POST to the webhook «%(name)s», %(url)s: the record as %(owner)s sees it") % words
    text = str(given.get("text") or "")
    return f"{sent}, «{text}»" if text else sent
