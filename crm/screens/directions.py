"""Taking records over to another direction: one from its card, many from a list (DEAL-10).

What the stage there asks for and the record lacks is asked as in any move (PIPE-3).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST
from django_fsm import ConcurrentTransition

from accounts.models import User
from crm import direction_settings, directions, pipelines, stages
from crm.errors import InvalidInput, MissingFields, StageConflict, StageError
from crm.models import Pipeline, Stage
from crm.screens import access, bulk, dialogs, registry
from crm.screens.forms import MoveForm, add_errors
from crm.screens.moving import conflict, moved

MAP = "map_"


class RememberedForm(forms.Form):
    """What every change of the direction may come with."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Needed where the record goes back."),
    )  # fmt: skip
    remember = forms.BooleanField(
        label=gettext_lazy("Remember these stages for everybody"), required=False,
        help_text=gettext_lazy("Next time they are proposed at once; the list stands in the settings of the pipeline."),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        if not user.is_head:
            del self.fields["remember"]


class DirectionForm(RememberedForm):
    """Which pipeline and which of its stages: one choice says both."""

    to = forms.ChoiceField(label=gettext_lazy("Pipeline and stage"))
    field_order = ("to", "reason", "remember")

    def __init__(self, data: Any = None, *, record: Any, offered: Iterable[Pipeline], user: User) -> None:
        super().__init__(data, user=user)
        groups, first = [], ""
        for pipeline in offered:
            answer = directions.proposal(record.stage_row, pipeline.pk)
            first = first or answer.key
            rows = [(row.key, _named(row, answer)) for row in landing(record, pipeline.pk)]
            groups.append((pipeline.name, rows))
        field: Any = self.fields["to"]
        field.choices, field.initial = groups, first


class WhichForm(forms.Form):
    """Which pipeline the selected records go to."""

    pipeline = forms.ChoiceField(label=gettext_lazy("Pipeline"))

    def __init__(self, data: Any = None, *, offered: Iterable[Pipeline]) -> None:
        super().__init__(data)
        field: Any = self.fields["pipeline"]
        field.choices = [(row.pk, row.name) for row in offered]


class MappingForm(RememberedForm):
    """For each stage of the selected records the one where they go on."""

    def __init__(self, data: Any = None, *, stages: Iterable[Stage], record: Any, target: Pipeline, user: User) -> None:
        super().__init__(data, user=user)
        offered = [(row.code, row.name) for row in landing(record, target.pk)]
        rows = {}
        for stage in stages:
            initial = directions.proposal(stage, target.pk).code
            rows[f"{MAP}{stage.code}"] = forms.ChoiceField(label=stage.name, choices=offered, initial=initial)
        self.fields = {**rows, **self.fields}

    def mapping(self) -> dict[str, str]:
        """Codes by codes."""
        return {name.removeprefix(MAP): code for name, code in self.cleaned_data.items() if name.startswith(MAP)}


def _named(stage: Stage, answer: Stage) -> str:
    """With the pipeline, whose heading a closed list does not show."""
    name = f"{stage.pipeline.name}: {stage.name}"
    return _("%(stage)s (matches)") % {"stage": name} if stage.key == answer.key else name


def landing(record: Any, pipeline: str) -> list[Stage]:
    """The stages offered: those whose move has a dialog of its own (a hand-over) are not reached by this one."""
    own_dialogs = registry.of(record.RECORD_TYPE).stage_dialogs
    return [stage for stage in directions.landing_stages(pipeline) if stage.code not in own_dialogs]


def offered_to(user: Any, record: Any) -> list[Pipeline]:
    """The other directions in which the person works; none for what is a partner's."""
    visible = {row.pk for row in stages.visible_pipelines(record.RECORD_TYPE, user)}
    return [row for row in directions.others(record.pipeline) if row.pk in visible]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change_direction(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """The dialog of a card: where to, then what is missing there, then the move."""
    user: Any = request.user
    record = access.find_to_change(record_type, pk, user, "move")
    offered = offered_to(user, record)
    if refusal := _refusal(record, offered, user):
        return dialogs.message(request, refusal)
    form = DirectionForm(request.POST or None, record=record, offered=offered, user=user)
    if not (form.is_bound and form.is_valid()):
        return _ask(request, record, form)
    target = pipelines.stage(form.cleaned_data["to"])
    fields = _filled(request, record, target)
    if fields is not None and not fields.is_valid():
        return _ask_missing(request, record, target, form, fields)
    return _switch(request, record, target, form, fields)


def _refusal(record: Any, offered: list[Pipeline], user: Any) -> str:
    """Why nothing can be offered for the record at all."""
    if record.pipeline.is_partner:
        return _("Partners' records stay in their own pipeline; they are handed over and recalled instead.")
    if not offered:
        return _("There is no other pipeline: the sales head adds one in the settings.")
    every = landing(record, offered[0].pk)
    texts = [stages.why_not(record, stage, user, "given") for stage in every]
    return texts[0] if texts and all(texts) else ""


def _switch(
    request: HttpRequest, record: Any, target: Stage, form: DirectionForm, fields: MoveForm | None
) -> HttpResponse:
    user: Any = request.user
    before, seen = record.stage, request.POST.get("expected_stage", "")
    former = record.responsible_id
    left = record.stage_row
    values = fields.values() if fields is not None else {}
    try:
        stages.move(
            record, target.key, by=user, data=values, reason=form.cleaned_data["reason"].strip(),
            expected=seen or None, may_switch=True,
        )  # fmt: skip
    except (StageConflict, ConcurrentTransition):
        return conflict(request, record, seen)
    except MissingFields as error:
        asked = fields or MoveForm(record=record, missing=error.missing, user=user)  # type: ignore[arg-type]
        if not asked.can_be_filled:
            return dialogs.message(request, error.message)
        return _ask_missing(request, record, target, form, asked)
    except InvalidInput as error:
        if fields is None:
            return dialogs.message(request, error.message)
        add_errors(fields, error)
        return _ask_missing(request, record, target, form, fields)
    except StageError as error:
        form.add_error("reason" if not form.cleaned_data["reason"].strip() and user.is_head else "to", error.message)
        return _ask(request, record, form)
    if form.cleaned_data.get("remember"):
        direction_settings.mapping_set(left.pipeline, target.pipeline, {left.code: target.code}, by=user)
    return moved(request, record, before, former)


def _filled(request: HttpRequest, record: Any, target: Stage) -> MoveForm | None:
    if "fields" not in request.POST:
        return None
    missing = stages.missing_fields(record, target, request.user)
    form = MoveForm(request.POST, record=record, missing=missing, user=request.user)  # type: ignore[arg-type]
    return form if form.can_be_filled else None


def _context(request: HttpRequest, record: Any, form: forms.Form) -> dict[str, Any]:
    return {
        "record": record,
        "form": form,
        "from_stage": record.stage_row,
        "from_pipeline": record.pipeline,
        "expected_stage": request.POST.get("expected_stage") or record.stage,
        "dialog_title": _("Move to another pipeline"),
        "dialog_action": reverse(f"{record.RECORD_TYPE}-direction", args=[record.pk]),
        "dialog_back": record.get_absolute_url(),
    }


def _ask(request: HttpRequest, record: Any, form: DirectionForm) -> HttpResponse:
    context = _context(request, record, form) | {"dialog_submit": _("Move")}
    return dialogs.dialog(request, "crm/dialogs/direction.html", context, status=422 if form.errors else 200)


def _ask_missing(
    request: HttpRequest, record: Any, target: Stage, form: DirectionForm, fields: MoveForm
) -> HttpResponse:
    carried = [("to", target.key), ("reason", form.cleaned_data["reason"]), ("fields", "1")]
    if form.cleaned_data.get("remember"):
        carried.append(("remember", "on"))
    context = _context(request, record, fields) | {
        "to_stage": target, "to_pipeline": target.pipeline, "hidden": carried, "dialog_submit": _("Save and move"),
    }  # fmt: skip
    return dialogs.dialog(request, "crm/dialogs/direction.html", context, status=422)


# -- many -------------------------------------------------------------------------------------------------------------


@login_required
@require_POST
def bulk_direction(request: HttpRequest, record_type: str) -> HttpResponse:
    """Ask for the pipeline, for the stages, show what would stay and what it lacks; then move what can go."""
    user: Any = request.user
    selection = bulk.Selection(request, registry.of(record_type), "move")
    if refusal := selection.refusal():
        return refusal
    keys = list(selection.rows.order_by().values_list("stage", flat=True).distinct())
    found = [stage for stage in pipelines.all_stages() if stage.key in set(keys)]
    if len({stage.pipeline_id for stage in found}) > 1:
        return dialogs.message(request, _("The selected records are in different pipelines: choose those of one."))
    sample = selection.first(1)[0]
    offered = offered_to(user, sample)
    if not offered or sample.pipeline.is_partner:
        return dialogs.message(request, _refusal(sample, offered, user))
    which = WhichForm(request.POST if "pipeline" in request.POST else None, offered=offered)
    if len(offered) > 1 and not (which.is_bound and which.is_valid()):
        return bulk.ask(selection, which, title=_("Move to another pipeline"), submit=_("Next"))
    target = offered[0] if len(offered) == 1 else pipelines.catalogue().pipelines[which.cleaned_data["pipeline"]]
    given = request.POST if "mapped" in request.POST else None
    own = [stage for stage in found if stage.is_open]
    form = MappingForm(given, stages=own, record=sample, target=target, user=user)
    if not (form.is_bound and form.is_valid()):
        lead = _("«%(source)s» → «%(target)s»: where the records of each stage go on.") % {
            "source": sample.pipeline.name, "target": target.name,
        }  # fmt: skip
        more = {"pipeline": target.pk, "mapped": "1"}
        return bulk.ask(selection, form, title=_("Move to another pipeline"), submit=_("Move"), lead=lead, more=more)
    return _start(request, selection, sample, target, form)


def _start(
    request: HttpRequest, selection: bulk.Selection, sample: Any, target: Pipeline, form: MappingForm
) -> HttpResponse:
    mapping, reason = form.mapping(), form.cleaned_data["reason"]
    rows = selection.rows.select_related(*selection.screen.related)
    look = bulk.Look(rows, lambda row: directions.aim(row.stage_row, target.pk, mapping), request.user, reason)
    carried = {"pipeline": target.pk, "mapped": "1", "reason": reason, **{f"{MAP}{a}": b for a, b in mapping.items()}}
    if form.cleaned_data.get("remember"):
        carried["remember"] = "on"
    params: dict[str, Any] = {"to": target.pk, "map": mapping, "reason": reason}
    if (question := bulk.ask_about(look, selection, params, carried)) is not None:
        return question
    if form.cleaned_data.get("remember"):
        direction_settings.mapping_set(sample.pipeline, target, mapping, by=request.user)
    return selection.start("direction", params)
