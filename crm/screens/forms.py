"""Forms built from the fields of a record: missing fields of a move, one fact of a card, a refusal, bulk actions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from crm.errors import DomainError, MissingField, MissingFields, RefusalNeeded
from crm.formfields import NumberField, TagsField, TagsWidget, field_for
from crm.models import RefusalReason, Stage, StagedRecord
from crm.normalize import looks_like_placeholder
from crm.people import assignable
from crm.screens import registry


def add_errors(form: forms.BaseForm, error: DomainError) -> None:
    """Put what a service refused beside the fields it is about; the rest above the form."""
    placed = False
    for row in error.errors:
        name = str(row.get("pointer", "")).rsplit("/", 1)[-1]
        if name in form.fields:
            form.add_error(name, str(row.get("message") or error.message))
            placed = True
    if not placed:
        form.add_error(None, error.message)


def owner_of(record: Any, name: str) -> tuple[Any, str]:
    """The record and the column behind a field's name: "company__inn" belongs to the company."""
    if "__" not in name:
        return record, name
    relation, column = name.split("__", 1)
    return getattr(record, relation), column


class RecordFieldsForm(forms.Form):
    """Some fields of one record, under their own names."""

    def __init__(
        self,
        data: Any = None,
        *,
        record: StagedRecord,
        names: Iterable[str],
        user: User,
        required: Iterable[str] = (),
        use_required_attribute: bool = True,
    ) -> None:
        must = set(required)
        super().__init__(data, use_required_attribute=use_required_attribute)
        for name in names:
            owner, column = owner_of(record, name)
            if owner is None:
                continue
            field = field_for(type(owner), column, user, required=name in must)
            if column == "responsible":
                field = forms.ModelChoiceField(assignable(user, owner), label=field.label, required=name in must)
            current = getattr(owner, column) if owner.pk or column != "tags" else []
            if isinstance(current, models.Manager):
                current = [str(row) for row in current.all()] if owner.pk else []
            field.initial = current.pk if isinstance(current, models.Model) else current
            self.fields[name] = field

    def values(self) -> dict[str, Any]:
        """What was changed; a field that was only shown must not count as entered by hand."""
        return {name: value for name, value in self.cleaned_data.items() if name in self.changed_data}


class MoveForm(RecordFieldsForm):
    """What a stage still requires of a record (PIPE-3), and the optional field that belongs beside it."""

    def __init__(self, data: Any = None, *, record: StagedRecord, missing: Sequence[MissingField], user: User) -> None:
        names = list(dict.fromkeys(name for item in missing for name in item.fields if _is_field(record, name)))
        single = [item.fields[0] for item in missing if len(item.fields) == 1]
        along = registry.of(record.RECORD_TYPE).asked_along
        beside = dict.fromkeys(along[name] for name in names if name in along)
        super().__init__(data, record=record, names=[*names, *beside], user=user, required=single)
        for item in missing:
            for name in item.fields:
                if name in self.fields and (item.problem or len(item.fields) > 1):
                    self.fields[name].help_text = item.problem or item.label
                if item.problem and isinstance(self.fields.get(name), forms.ModelChoiceField):
                    # Whoever is refused must not stand there as chosen already.
                    self.fields[name].initial = None

    @property
    def can_be_filled(self) -> bool:
        """Is there a field for anything that is missing?"""
        return bool(self.fields)


def _is_field(record: StagedRecord, name: str) -> bool:
    owner, column = owner_of(record, name)
    if owner is None:
        return False
    return any(field.name == column and field.editable for field in owner._meta.concrete_fields)


class ReasonForm(forms.Form):
    """Why a record goes back or is reopened."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}), max_length=1000
    )

    def clean_reason(self) -> str:
        """A real reason, no dash."""
        text: str = self.cleaned_data["reason"].strip()
        if looks_like_placeholder(text):
            raise forms.ValidationError(_("Write the reason in your own words."))
        return text


class ReasonRadio(forms.RadioSelect):
    """Radio buttons that tell the style sheet which reasons ask for the competitor."""

    asking: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.asking:
            option["attrs"]["data-asks-competitor"] = ""
        return option


class RefusalForm(forms.Form):
    """Which refusal stage, which reason under it, what comment; the reason alone says both (PIPE-4)."""

    choice = forms.ChoiceField(label=gettext_lazy("Reason"), widget=ReasonRadio)
    competitor = forms.CharField(label=gettext_lazy("Competitor"), required=False, max_length=200)
    competitor_price = NumberField(
        label=gettext_lazy("Competitor's price, ₽"), required=False, max_digits=15, decimal_places=2, min_value=0
    )
    comment = forms.CharField(
        label=gettext_lazy("Comment"), widget=forms.Textarea(attrs={"rows": 3}), max_length=5000,
        help_text=gettext_lazy("What the client said, in your own words."),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, record: StagedRecord, ends: Sequence[Stage]) -> None:
        super().__init__(data)
        self.ends = {stage.key: stage for stage in ends}
        reasons = list(RefusalReason.objects.filter(stage__in=self.ends, is_active=True).order_by("order", "id"))
        self.reasons = {str(reason.pk): reason for reason in reasons}
        groups: list[tuple[str, list[tuple[str, str]]]] = []
        for stage in ends:
            own = [(str(reason.pk), reason.name) for reason in reasons if reason.stage_id == stage.key]
            groups.append((stage.name, own or [(f"stage:{stage.code}", stage.name)]))
        choice: Any = self.fields["choice"]
        choice.choices = groups
        asks = frozenset(pk for pk, reason in self.reasons.items() if reason.asks_competitor)
        choice.widget.asking = asks
        if not asks or not hasattr(record, "competitor"):
            del self.fields["competitor"], self.fields["competitor_price"]

    def clean_comment(self) -> str:
        """A comment that says something: "-" and "test" are refused."""
        text: str = self.cleaned_data["comment"].strip()
        if looks_like_placeholder(text):
            raise forms.ValidationError(_("Write in your own words why it is closed."))
        return text

    def clean(self) -> dict[str, Any]:
        """Where a competitor was cheaper, its name is asked for."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        reason = self.reasons.get(given.get("choice", ""))
        asks = reason is not None and reason.asks_competitor and "competitor" in self.fields
        if asks and looks_like_placeholder(given.get("competitor", "")):
            self.add_error("competitor", _("Write who the competitor is."))
        return given

    def target(self) -> str:
        """The code of the refusal stage that the choice means."""
        choice: str = self.cleaned_data["choice"]
        if choice.startswith("stage:"):
            return choice.removeprefix("stage:")
        return self.reasons[choice].stage_id.rsplit(":", 1)[-1]

    def reason_id(self) -> int | None:
        """The reason of the list, where the stage has a list."""
        reason = self.reasons.get(self.cleaned_data["choice"])
        return reason.pk if reason else None


class BulkAssignForm(forms.Form):
    """Who takes the selected records."""

    responsible = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("Responsible"))
    reason = forms.CharField(label=gettext_lazy("Reason"), required=False, max_length=500)

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        field: Any = self.fields["responsible"]
        field.queryset = assignable(user)


class BulkMoveForm(forms.Form):
    """Where the selected records go; a refusal needs its reason and comment for all of them."""

    to = forms.ChoiceField(label=gettext_lazy("Stage"))
    reason = forms.CharField(label=gettext_lazy("Reason (for a way back)"), required=False, max_length=500)

    def __init__(self, data: Any = None, *, offered: Sequence[Stage]) -> None:
        super().__init__(data)
        field: Any = self.fields["to"]
        field.choices = [("", "---------"), *((stage.code, stage.name) for stage in offered)]


class BulkTagForm(forms.Form):
    """Which tags the selected records get and lose."""

    add = TagsField(label=gettext_lazy("Add tags"), required=False)
    remove = TagsField(label=gettext_lazy("Take tags off"), required=False, widget=TagsWidget(only_known=True))

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        for name in ("add", "remove"):
            self.fields[name].user = user  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """At least one tag must be named."""
        given: dict[str, Any] = super().clean() or {}
        if not given.get("add") and not given.get("remove"):
            raise forms.ValidationError(_("Name at least one tag."))
        return given


def is_missing(error: Exception) -> bool:
    """Can a form mend this refusal?"""
    return isinstance(error, MissingFields | RefusalNeeded)
