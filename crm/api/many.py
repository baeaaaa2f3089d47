"""What a call asks for that acts on many records: by their ids, or on all that a filter finds."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import ValidationError as BadRequest

from crm.api.actions import RefusalInput
from crm.api.serializers import Input, Reference, TextList
from crm.people import assignable

MANY_ACTIONS = ("assign", "move", "direction", "tag", "delete", "spam")
# One of these fields at least.
NEEDED = {"assign": ("responsible",), "move": ("to",), "direction": ("to",), "tag": ("add", "remove")}


class ManyInput(Input):
    """What to do with them; each action takes the fields of the single one."""

    action = serializers.ChoiceField(choices=MANY_ACTIONS)
    responsible = Reference(queryset=assignable, required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    to = serializers.CharField(
        required=False, max_length=80, help_text=gettext_lazy("A stage; with `direction` the code of another pipeline.")
    )
    map = serializers.DictField(
        child=serializers.CharField(max_length=40),
        required=False,
        help_text=gettext_lazy("With `direction`: codes of stages there by those here; others where they match."),
    )
    refusal = RefusalInput(required=False)
    data = serializers.DictField(  # type: ignore[assignment]
        child=serializers.JSONField(allow_null=True),
        required=False,
        help_text=gettext_lazy("Fields filled in where the stage asks for them and the record lacks them."),
    )
    add = TextList(child=serializers.CharField(max_length=50))
    remove = TextList(child=serializers.CharField(max_length=50))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Each action needs something of its own."""
        needed = NEEDED.get(attrs["action"], ())
        if needed and not any(attrs.get(name) for name in needed):
            raise BadRequest({name: [_("This action needs it.")] for name in needed}, code="required")
        return attrs
