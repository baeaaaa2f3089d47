"""What follows when the company changes the minimum data for qualifying a lead (LEAD-6).

«Данные заполнены» requires the minimum, so that it is changed in one place. Leads that lack nothing any more go on by
themselves, as if their last field had just been filled in; what is newly asked for is listed on the cards. A lead that
has gone on stays where it is: nobody's work is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.db import transaction

from crm import pipelines, scope, settings_services
from crm.actors import Actor
from crm.claims import let_others_write
from crm.models import Stage
from crm.rows import locked_for
from crm.services import record_update
from leads.models import Lead
from leads.qualification import missing_minimum
from leads.stages import DATA_COMPLETE

log = structlog.get_logger(__name__)

SETTING = "lead_minimum"
BATCH = 200


def follow_settings(changed: Mapping[str, tuple[Any, Any]], by: Any) -> None:
    """Let the stage require what the minimum does, and a worker look at the open leads anew once that is written.

    Should the broker be down, the night makes up for it.
    """
    if SETTING in changed:
        _require(*changed[SETTING], by)
    if changed.keys() & {SETTING, settings_services.REQUIRED}:
        transaction.on_commit(_enqueue)


def _require(old: list[str], new: list[str], by: Any) -> None:
    """What left the minimum leaves the stage, what came to it is required; whatever else it requires stays."""
    for pipeline in pipelines.pipelines_of("lead", partner=False):
        stage = pipelines.catalogue().stages.get(Stage.make_key(pipeline.code, DATA_COMPLETE))
        if stage is None:
            continue
        left = set(old) - set(new)
        wanted = dict.fromkeys(code for code in (*stage.required, *new) if code not in left)
        settings_services.required_set(pipeline, by=by, wanted={stage.key: list(wanted)})


def _enqueue() -> None:
    from leads.tasks import recheck_minimum

    try:
        recheck_minimum.delay()
    except Exception:
        log.exception("minimum_recheck_not_enqueued")


def recheck() -> int:
    """Bring what every open lead lacks up to date, one lead a transaction; answers how many changed.

    May run twice and be killed in the middle: a lead that is up to date is passed over.
    """
    done, after = 0, 0
    while True:
        with scope.opened():
            rows = Lead.objects.alive().open().filter(partner__isnull=True, pk__gt=after)
            leads = list(rows.select_related("contact", "company", "purpose").order_by("pk")[:BATCH])
            stale = [lead.pk for lead in leads if _codes(lead) != lead.missing_minimum]
            for pk in stale:
                done += _refresh(pk)
        if not leads:
            return done
        after = leads[-1].pk


def _codes(lead: Lead) -> list[str]:
    return [item.code for item in missing_minimum(lead)]


def _refresh(pk: int) -> bool:
    """The rules of «Не хватает данных» hear of it as of any change of the field, and let the lead go on."""
    let_others_write()
    with transaction.atomic():
        try:
            lead = locked_for(Lead, pk, Actor.system(), alive=True)
        except Lead.DoesNotExist:
            return False
        codes = _codes(lead)
        if not lead.is_open or codes == lead.missing_minimum:
            return False
        record_update(lead, data={}, by=Actor.system(), missing_minimum=codes)
    return True
