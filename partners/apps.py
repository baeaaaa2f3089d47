"""Registration of the app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PartnersConfig(AppConfig):
    """Partner profiles and hand-over of leads and deals."""

    name = "partners"
    verbose_name = _("Partners")

    def ready(self) -> None:
        from crm import attachments, bulk, events, stages, timeline
        from crm import requirements as needed
        from crm.field_guards import guard_fields
        from leads import routing
        from partners import commission, guards, inactive, mirror, route
        from partners.handoff import active_handoff
        from partners.timeline import homes_of_file, shared_files, shared_lines

        needed.declare(
            "deal",
            needed.Requirement(
                "handoff", _("Hand-over to a partner"), (), lambda record: active_handoff(record) is not None
            ),
        )
        for record_type in ("lead", "deal"):
            stages.guard(record_type, guards.refuse_while_away)
            stages.guard(record_type, guards.refuse_to_partner)
            guard_fields(record_type, guards.refuse_wrong_side)
            guard_fields(record_type, guards.refuse_partners_reach)
        guard_fields("deal", guards.refuse_feedback)
        stages.after_move("deal", commission.follow_the_deal)
        guard_fields("contact", guards.refuse_partners_reach)
        for record_type in ("lead", "deal", "contact", "company", "object"):
            guard_fields(record_type, guards.refuse_to_control)
        timeline.shared(shared_lines)
        attachments.share(shared_files, homes_of_file)
        routing.target_kind("partner", routing.TargetKind(route.choose_partner, route.give_to_partner))
        bulk.register("close", inactive.close_one, find=inactive.partners_of_job)
        events.on("stage_changed", mirror.on_stage_changed, wants=mirror.is_of_twin)
