"""Settings of pipelines: stages, the matrix of required fields, refusal reasons, further directions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import direction_settings, directions, settings_services
from crm.errors import DomainError
from crm.models import Pipeline, RefusalReason, Stage
from crm.pipeline_check import MAX_OPEN, cards_of
from crm.requirements import requirements_of
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.views.settings_nav import settings_context, settings_page

PARTS = (
    ("stages", gettext_lazy("Stages"), "settings-pipeline"),
    ("required", gettext_lazy("Required fields"), "settings-required"),
    ("reasons", gettext_lazy("Refusal reasons"), "settings-reasons"),
    ("directions", gettext_lazy("Other pipelines"), "settings-directions"),
    ("graph", gettext_lazy("Diagram and check"), "settings-graph"),
)


class StageForm(forms.Form):
    """What can be changed of any stage."""

    name_ru = forms.CharField(label=gettext_lazy("Name in Russian"), max_length=100)
    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=100)
    colour = forms.ChoiceField(label=gettext_lazy("Colour"), choices=Stage.Colour.choices)
    norm_hours = forms.IntegerField(
        label=gettext_lazy("Time norm, hours"), required=False, min_value=1, max_value=100_000,
        help_text=gettext_lazy(
            "Working hours, every 24 stand for a day. What stands longer is marked on the board. Empty: no norm."
        ),
    )  # fmt: skip
    probability = forms.IntegerField(label=gettext_lazy("Probability of success, %"), min_value=0, max_value=100)
    can_win = forms.BooleanField(label=gettext_lazy("Success can follow directly"), required=False)
    is_detour = forms.BooleanField(
        label=gettext_lazy("Aside from the main path"), required=False,
        help_text=gettext_lazy("The funnel takes no conversion through such a stage."),
    )  # fmt: skip
    advice = forms.CharField(
        label=gettext_lazy("Advice"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "Shown in the report of refusals when the share of this stage is above the threshold. Empty: the advice "
            "that comes with the system."
        ),
    )  # fmt: skip
    is_hidden = forms.BooleanField(label=gettext_lazy("Hidden"), required=False)

    def __init__(self, data: Any = None, *, stage: Stage) -> None:
        initial = {name: getattr(stage, name) for name in self.base_fields}
        super().__init__(data, initial=initial)
        if stage.kind != Stage.Kind.OPEN:
            del self.fields["can_win"], self.fields["norm_hours"], self.fields["is_detour"]
        if not stage.is_failure:
            del self.fields["advice"]
        if stage.is_start:
            del self.fields["is_hidden"]


class NewStageForm(forms.Form):
    """A stage of one's own."""

    name_ru = forms.CharField(
        label=gettext_lazy("Name in Russian"), max_length=100, widget=forms.TextInput(attrs={"autofocus": True})
    )
    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=100, required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[(kind.value, kind.label) for kind in settings_services.OWN_KINDS],
    )
    after = forms.ModelChoiceField(Stage.objects.none(), label=gettext_lazy("After the stage"), required=False)
    colour = forms.ChoiceField(label=gettext_lazy("Colour"), choices=Stage.Colour.choices, initial="cyan")

    def __init__(self, data: Any = None, *, pipeline: Pipeline) -> None:
        super().__init__(data)
        field: Any = self.fields["after"]
        field.queryset = Stage.objects.filter(pipeline=pipeline, is_hidden=False).order_by("order")


class DeleteStageForm(forms.Form):
    """Where the cards of a stage go."""

    move_to = forms.ModelChoiceField(Stage.objects.none(), label=gettext_lazy("Its cards go to"))

    def __init__(self, data: Any = None, *, stage: Stage, needed: bool) -> None:
        super().__init__(data)
        field: Any = self.fields["move_to"]
        field.queryset = Stage.objects.filter(pipeline=stage.pipeline_id, is_hidden=False).exclude(pk=stage.pk)
        if not needed:
            del self.fields["move_to"]


class ReasonForm(forms.Form):
    """A refusal reason."""

    name_ru = forms.CharField(
        label=gettext_lazy("Name in Russian"), max_length=100, widget=forms.TextInput(attrs={"autofocus": True})
    )
    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=100, required=False)
    asks_competitor = forms.BooleanField(label=gettext_lazy("Ask for the competitor and its price"), required=False)
    is_other = forms.BooleanField(
        label=gettext_lazy("Stands for “other”"), required=False,
        help_text=gettext_lazy("The report of refusals warns when it is chosen too often."),
    )  # fmt: skip
    is_active = forms.BooleanField(label=gettext_lazy("In use"), required=False, initial=True)


class PipelineForm(forms.Form):
    """A direction."""

    name_ru = forms.CharField(
        label=gettext_lazy("Name in Russian"), max_length=100, widget=forms.TextInput(attrs={"autofocus": True})
    )
    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=100, required=False)


class NewPipelineForm(PipelineForm):
    """A further direction, with the stages of another."""

    like = forms.ModelChoiceField(
        Pipeline.objects.filter(is_partner=False, is_active=True, record_type="deal"),
        label=gettext_lazy("With the stages of"),
        initial=lambda: Pipeline.objects.filter(pk="deal", is_active=True).first(),
        empty_label=None,
    )


class ChangePipelineForm(PipelineForm):
    """Name and use of a direction."""

    is_active = forms.BooleanField(label=gettext_lazy("In use"), required=False)


def find_pipeline(code: str) -> Pipeline:
    """The pipeline, or 404."""
    found = Pipeline.objects.filter(pk=code).first()
    if found is None:
        raise Http404
    return found


def find_stage(key: str) -> Stage:
    """The stage by key, or 404."""
    found = Stage.objects.filter(pk=key).select_related("pipeline").first()
    if found is None:
        raise Http404
    return found


def page_context(request: HttpRequest, pipeline: Pipeline, part: str) -> dict[str, Any]:
    """The switch of pipelines and the tabs of one."""
    name = next(url for code, _label, url in PARTS if code == part)
    return {
        **settings_context(request, "settings-pipelines"),
        "pipeline": pipeline,
        "pipelines": [
            {"label": row.name, "url": reverse(name, args=[row.pk]), "active": row.pk == pipeline.pk,
             "shut": not row.is_active}
            for row in Pipeline.objects.order_by("order", "code")
            if part != "directions" or directions.others(row)
        ],
        "tabs": [
            {"label": label, "url": reverse(url, args=[pipeline.pk]), "active": code == part}
            for code, label, url in PARTS
            if code != "directions" or directions.others(pipeline)
        ],
    }  # fmt: skip


@settings_page
@require_safe
def settings_pipelines(request: HttpRequest) -> HttpResponse:
    """The first pipeline."""
    first = Pipeline.objects.order_by("order", "code").first()
    if first is None:
        raise Http404
    return HttpResponseRedirect(reverse("settings-pipeline", args=[first.pk]))


@settings_page
@require_safe
def settings_pipeline(request: HttpRequest, code: str) -> HttpResponse:
    """The stages of a pipeline with what can be done to them."""
    pipeline = find_pipeline(code)
    stages = list(Stage.objects.filter(pipeline=pipeline).select_related("pipeline").order_by("order", "key"))
    counts = cards_of(pipeline, request.user)  # type: ignore[arg-type]
    open_stages = [stage for stage in stages if stage.is_open and not stage.is_hidden]
    context = {
        **page_context(request, pipeline, "stages"),
        "groups": [
            {"label": label, "rows": [
                {"stage": stage, "cards": counts.get(stage.key, 0)} for stage in stages if stage.kind == kind]}
            for kind, label in Stage.Kind.choices
        ],
        "too_many": len(open_stages) > MAX_OPEN,
    }  # fmt: skip
    return render(request, "crm/settings/pipeline.html", context)


def _dialog(request: HttpRequest, form: forms.Form, title: str, submit: str, back: str, **more: Any) -> HttpResponse:
    context = {
        "dialog_title": title, "form": form, "dialog_action": request.path, "dialog_submit": submit,
        "dialog_back": back, **more,
    }  # fmt: skip
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_stage(request: HttpRequest, key: str) -> HttpResponse:
    """Rename, recolour, hide, norm, probability of a stage."""
    stage = find_stage(key)
    back = reverse("settings-pipeline", args=[stage.pipeline_id])
    form = StageForm(request.POST or None, stage=stage)
    if form.is_bound and form.is_valid():
        try:
            settings_services.stage_change(stage, by=request.user, data=form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("Saved."), to=back, go=True)
    return _dialog(request, form, _("Stage «%(name)s»") % {"name": stage.name}, _("Save"), back)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_stage_add(request: HttpRequest, code: str) -> HttpResponse:
    """A stage of one's own."""
    pipeline = find_pipeline(code)
    back = reverse("settings-pipeline", args=[pipeline.pk])
    form = NewStageForm(request.POST or None, pipeline=pipeline)
    if form.is_bound and form.is_valid():
        try:
            settings_services.stage_add(pipeline, by=request.user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("The stage is added."), to=back, go=True)
    return _dialog(request, form, _("New stage"), _("Add"), back)


@settings_page
@require_POST
def settings_stage_shift(request: HttpRequest, key: str) -> HttpResponse:
    """One place up or down."""
    stage = find_stage(key)
    back = reverse("settings-pipeline", args=[stage.pipeline_id])
    try:
        settings_services.stage_shift(stage, by=request.user, step=-1 if request.POST.get("to") == "up" else 1)
    except DomainError as error:
        return dialogs.message(request, error.message)
    return HttpResponseRedirect(f"{back}#stage-{stage.code}")


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_stage_delete(request: HttpRequest, key: str) -> HttpResponse:
    """Delete a stage of one's own: asks where its cards go."""
    stage = find_stage(key)
    back = reverse("settings-pipeline", args=[stage.pipeline_id])
    if stage.is_shipped or stage.is_start:
        return dialogs.message(request, _("Rules are bound to this stage: it can be hidden, not deleted."))
    count = settings_services.cards_at(stage)
    form = DeleteStageForm(request.POST if request.method == "POST" else None, stage=stage, needed=bool(count))
    if form.is_bound and form.is_valid():
        try:
            settings_services.stage_delete(stage, by=request.user, move_to=form.cleaned_data.get("move_to"))
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("The stage is deleted."), to=back, go=True)
    title = _("Delete the stage «%(name)s» (cards in it: %(count)s)") % {"name": stage.name, "count": count}
    return _dialog(request, form, title, _("Delete"), back, dialog_danger=True)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_required(request: HttpRequest, code: str) -> HttpResponse:
    """The matrix: which fields each stage requires."""
    pipeline = find_pipeline(code)
    stages = [s for s in Stage.objects.filter(pipeline=pipeline, is_hidden=False).order_by("order") if not s.is_start]
    known = requirements_of(pipeline.record_type)
    if request.method == "POST":
        wanted = {stage.key: [c for c in request.POST.getlist(f"need:{stage.code}") if c in known] for stage in stages}
        settings_services.required_set(pipeline, by=request.user, wanted=wanted)
        return dialogs.done(request, _("Saved."), to=request.path, go=True)
    context = {
        **page_context(request, pipeline, "required"),
        "stages": stages,
        "matrix": [
            {"code": code, "label": item.label, "cells": [(stage, code in stage.required) for stage in stages]}
            for code, item in known.items()
        ],
    }
    return render(request, "crm/settings/required.html", context)


@settings_page
@require_safe
def settings_reasons(request: HttpRequest, code: str) -> HttpResponse:
    """The refusal reasons under each refusal stage."""
    pipeline = find_pipeline(code)
    stages = Stage.objects.filter(pipeline=pipeline, kind=Stage.Kind.FAILURE, is_hidden=False).order_by("order")
    context = {
        **page_context(request, pipeline, "reasons"),
        "stages": list(stages.prefetch_related("reasons")),
    }
    return render(request, "crm/settings/reasons.html", context)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_reason_add(request: HttpRequest, key: str) -> HttpResponse:
    """A new reason under a refusal stage."""
    stage = find_stage(key)
    if not stage.is_failure:
        raise Http404
    return _reason(request, RefusalReason(stage=stage), _("New reason: «%(stage)s»") % {"stage": stage.name})


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_reason(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a reason or take it out of use."""
    reason = RefusalReason.objects.filter(pk=pk).select_related("stage__pipeline").first()
    if reason is None:
        raise Http404
    return _reason(request, reason, _("Reason «%(name)s»") % {"name": reason.name})


def _reason(request: HttpRequest, reason: RefusalReason, title: str) -> HttpResponse:
    back = reverse("settings-reasons", args=[reason.stage.pipeline_id])
    names = list(ReasonForm.base_fields)
    initial = {name: getattr(reason, name) for name in names}
    form = ReasonForm(request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            settings_services.reason_save(reason, by=request.user, data=form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("Saved."), to=back, go=True)
    return _dialog(request, form, title, _("Save"), back)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_directions(request: HttpRequest, code: str) -> HttpResponse:
    """Which stage of each other direction answers to each open one of this."""
    pipeline = find_pipeline(code)
    others = directions.others(pipeline)
    if not others:
        raise Http404
    stages = directions.landing_stages(pipeline.pk)
    if request.method == "POST":
        try:
            for other in others:
                wanted = {stage.code: request.POST.get(f"{other.pk}:{stage.code}", "") for stage in stages}
                direction_settings.mapping_set(pipeline, other, wanted, by=request.user)
        except DomainError as error:
            return dialogs.message(request, error.message)
        return dialogs.done(request, _("Saved."), to=request.path, go=True)
    context = {
        **page_context(request, pipeline, "directions"),
        "others": others,
        "matrix": [{"stage": stage, "cells": [_answers(stage, other) for other in others]} for stage in stages],
    }
    return render(request, "crm/settings/directions.html", context)


def _answers(stage: Stage, other: Pipeline) -> dict[str, Any]:
    """A cell: the stages to choose from, what is settled and what is proposed where nothing is."""
    settled = direction_settings.settled(stage, other)
    return {
        "name": f"{other.pk}:{stage.code}",
        "label": other.name,
        "settled": settled,
        "proposed": directions.matching(stage, other.pk).name,
        "options": directions.landing_stages(other.pk),
    }


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_pipeline_add(request: HttpRequest) -> HttpResponse:
    """A further direction of deals."""
    back = reverse("settings-pipelines")
    form = NewPipelineForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            made = settings_services.pipeline_add(by=request.user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            to = reverse("settings-pipeline", args=[made.pk])
            return dialogs.done(request, _("The pipeline is added."), to=to, go=True)
    return _dialog(request, form, _("New pipeline of deals"), _("Add"), back)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_pipeline_change(request: HttpRequest, code: str) -> HttpResponse:
    """Name and use of a direction."""
    pipeline = find_pipeline(code)
    back = reverse("settings-pipeline", args=[pipeline.pk])
    initial = {name: getattr(pipeline, name) for name in ("name_ru", "name_en", "is_active")}
    form = ChangePipelineForm(request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        data = dict(form.cleaned_data)
        data["name_en"] = data["name_en"] or data["name_ru"]
        try:
            settings_services.pipeline_change(pipeline, by=request.user, data=data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("Saved."), to=back, go=True)
    return _dialog(request, form, _("Pipeline «%(name)s»") % {"name": pipeline.name}, _("Save"), back)
