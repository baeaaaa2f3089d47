"""What a planned rule would do to a record if it ran now: by which channel it writes, or that a task is certain."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from automation.actions import letter_way, message_way
from automation.actions.hooks import what_is_sent
from automation.models import Rule
from automation.wording import what_it_does
from crm.models import ContactPoint, StagedRecord

WAYS: dict[str, Any] = {"send_message": message_way, "send_letter": letter_way}


def what_will_happen(rule: Rule, record: StagedRecord) -> str:
    """What the rule does to this record, for people; consent, addresses and exclusions are those of this moment."""
    if rule.action == "call_webhook":
        return what_is_sent(rule.params, record)
    find_way = WAYS.get(rule.action)
    if find_way is None:
        return what_it_does(rule)
    way = find_way(record)
    if way.held:
        return _("Nothing: %(address)s is on the exclusion list") % {"address": way.held}
    if not way.address:
        return _("A task for the responsible instead of a message. %(why)s") % {"why": way.why}
    channel = ContactPoint.Kind(way.channel).label
    return _("Message to the client: %(channel)s, %(address)s") % {"channel": channel, "address": way.address}
