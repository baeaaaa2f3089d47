"""A rule as a call gives it; what it may be is checked by automation.rule_check, as for the browser."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from rest_framework import serializers

from automation import rule_services
from automation.models import Rule
from crm.api.serializers import Coded, Input
from crm.models import Pipeline, Stage


def _number() -> serializers.IntegerField:
    return serializers.IntegerField(required=False, min_value=0, max_value=32_767)


class RuleInput(Input):
    """A rule; what is not given is nothing, or stays as it is when a rule is changed."""

    name_ru = serializers.CharField(max_length=100)
    name_en = serializers.CharField(max_length=100, required=False)
    pipeline = Coded(queryset=Pipeline.objects.filter(is_active=True))
    stage = Coded(
        queryset=Stage.objects.all(), required=False, allow_null=True,
        help_text=gettext_lazy("Key of the stage, such as deal:negotiation; null is any stage."),
    )  # fmt: skip
    trigger = serializers.ChoiceField(choices=Rule.Trigger.choices)
    fields_ = serializers.ListField(child=serializers.CharField(max_length=60), max_length=50, required=False)
    ways = serializers.ListField(
        child=serializers.ChoiceField(choices=Rule.Way.choices), max_length=10, required=False,
        help_text=gettext_lazy("How the client makes contact; none means any way."),
    )  # fmt: skip
    conditions = serializers.DictField(
        required=False,
        help_text=gettext_lazy("{all: [...]}, {any: [...]}, {not: ...} over {field, op, value} and {is: name}."),
    )
    delay_hours = _number()
    delay_days = _number()
    delay_working_days = _number()
    delay_plan = serializers.CharField(max_length=40, required=False, allow_blank=True)
    date_field = serializers.CharField(
        max_length=60, required=False, allow_blank=True, help_text=gettext_lazy("The date of a rule of a date.")
    )
    date_offset = serializers.IntegerField(
        required=False,
        min_value=-3650,
        max_value=3650,
        help_text=gettext_lazy("Days after the date; negative: before."),
    )
    at_hour = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=23)
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), max_length=7, required=False,
        help_text=gettext_lazy("Monday is 1; none means every day."),
    )  # fmt: skip
    stops_on_contact = serializers.BooleanField(required=False)
    action = serializers.CharField(
        max_length=40,
        help_text=gettext_lazy(
            "create_task, call_back, send_message, send_letter, change_stage, task_and_stage, close_record, "
            "set_responsible, set_field, write_comment, notify_people, remind_responsible, tell_head, qualify_lead, "
            "complete_lead, register_object, route_lead, object_responsible"
        ),
    )
    params = serializers.DictField(required=False, help_text=gettext_lazy("What the action is told, by name."))
    is_active = serializers.BooleanField(required=False)
    planned = serializers.ChoiceField(
        choices=[rule_services.FOLLOW, rule_services.KEEP, rule_services.CANCEL], required=False,
        help_text=gettext_lazy("What becomes of planned runs when the moment changes; by default they follow."),
    )  # fmt: skip

    def get_fields(self) -> dict[str, Any]:
        """`fields` is a name that serializers have for themselves."""
        found = super().get_fields()
        return {"fields" if name == "fields_" else name: field for name, field in found.items()}
