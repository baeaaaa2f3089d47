"""Rules in words: "When a lead enters the stage «New», if region: Tver, in 3 working days – give a task: «Call»"."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

from accounts.models import Role, User
from automation.actions import ACTIONS, hooks
from automation.models import Rule
from communications.models import MessageTemplate
from crm import conditions, pipelines, scope
from crm.models import RecordType, record_model

# What a record is called: who does something, in what something changes, with what something happens.
WHO = {
    RecordType.LEAD: pgettext_lazy("who", "lead"),
    RecordType.DEAL: pgettext_lazy("who", "deal"),
    RecordType.CONTACT: pgettext_lazy("who", "contact"),
    RecordType.COMPANY: pgettext_lazy("who", "company"),
    RecordType.OBJECT: pgettext_lazy("who", "object"),
}
IN_WHAT = {
    RecordType.LEAD: pgettext_lazy("in what", "lead"),
    RecordType.DEAL: pgettext_lazy("in what", "deal"),
    RecordType.CONTACT: pgettext_lazy("in what", "contact"),
    RecordType.COMPANY: pgettext_lazy("in what", "company"),
    RecordType.OBJECT: pgettext_lazy("in what", "object"),
}
WITH_WHAT = {
    RecordType.LEAD: pgettext_lazy("with what", "lead"),
    RecordType.DEAL: pgettext_lazy("with what", "deal"),
    RecordType.CONTACT: pgettext_lazy("with what", "contact"),
    RecordType.COMPANY: pgettext_lazy("with what", "company"),
    RecordType.OBJECT: pgettext_lazy("with what", "object"),
}


def sentence(rule: Rule) -> str:
    """The whole rule as one sentence."""
    parts = [when_it_starts(rule)]
    if rule.conditions:
        parts.append(_("if %(conditions)s") % {"conditions": conditions.describe(rule.conditions, _kind(rule))})
    if later := how_much_later(rule):
        parts.append(later)
    what = what_it_does(rule)
    return f"{', '.join(parts)} – {what[:1].lower()}{what[1:]}"


def when_it_runs(rule: Rule) -> str:
    """What starts a rule and how much later it acts, without its conditions."""
    later = how_much_later(rule)
    return f"{when_it_starts(rule)}, {later}" if later else when_it_starts(rule)


def _kind(rule: Rule) -> RecordType:
    return RecordType(rule.pipeline.record_type)


def when_it_starts(rule: Rule) -> str:
    """What starts a rule: "When the field of a deal changes: amount, at the stage «Negotiation»"."""
    names = {"who": WHO[_kind(rule)], "whom": IN_WHAT[_kind(rule)], "with": WITH_WHAT[_kind(rule)]}
    trigger = Rule.Trigger(rule.trigger)
    if trigger in {Rule.Trigger.STAGE_ENTERED, Rule.Trigger.STAGE_LEFT}:
        return _at_a_border(rule, names)
    if trigger == Rule.Trigger.SCHEDULE:
        return _by_the_clock(rule)
    if trigger == Rule.Trigger.FIELD_CHANGED:
        text = _("When this changes in the %(whom)s: %(fields)s") % {**names, "fields": _watched(rule)}
    elif trigger == Rule.Trigger.INVOICE_OVERDUE:
        text = _when_unpaid(rule)
    elif trigger == Rule.Trigger.INACTIVE:
        days = ngettext("%(days)s day", "%(days)s days", rule.delay_days) % {"days": rule.delay_days}
        text = _("When nothing happens with the %(with)s for %(days)s") % {**names, "days": days}
    else:
        texts = {
            Rule.Trigger.CREATED: _("When a %(who)s is created"),
            Rule.Trigger.CLIENT_CONTACT: _on_contact(rule),
            Rule.Trigger.LETTER_OPENED: _("When the client opens a letter"),
            Rule.Trigger.NORM_EXCEEDED: _("When the %(who)s stands longer than the norm"),
            Rule.Trigger.DATE_REACHED: _on_the_date(rule),
        }
        text = texts[trigger] % names
    if rule.stage is not None:
        text += _(", at the stage «%(stage)s»") % {"stage": rule.stage.name}
    return text


def _on_contact(rule: Rule) -> str:
    if not rule.ways:
        return _("When the client makes contact")
    ways = pgettext("between ways of contact", " or ").join(str(Rule.Way(way).label) for way in rule.ways)
    return _("When the client %(ways)s") % {"ways": ways}


def _when_unpaid(rule: Rule) -> str:
    if not rule.delay_days:
        return _("When an invoice of the deal is overdue")
    days = ngettext("%(days)s day", "%(days)s days", rule.delay_days) % {"days": rule.delay_days}
    return _("When an invoice of the deal is overdue by %(days)s") % {"days": days}


def _at_a_border(rule: Rule, names: dict[str, Any]) -> str:
    is_entry = rule.trigger == Rule.Trigger.STAGE_ENTERED
    if rule.stage is None:
        any_stage = _("When the %(who)s enters any stage") if is_entry else _("When the %(who)s leaves any stage")
        return any_stage % names
    text = _("When the %(who)s enters the stage «%(stage)s»") if is_entry else _(
        "When the %(who)s leaves the stage «%(stage)s»"
    )  # fmt: skip
    return text % {**names, "stage": rule.stage.name}


def _on_the_date(rule: Rule) -> str:
    column: Any = record_model(rule.pipeline.record_type)._meta.get_field(rule.date_field) if rule.date_field else None
    names = {"field": str(column.verbose_name if column else "").replace("%", "%%")}
    days = abs(rule.date_offset)
    if not days:
        return _("On the date «%(field)s»") % names
    names["days"] = ngettext("%(days)s day", "%(days)s days", days) % {"days": days}
    before = rule.date_offset < 0
    return (_("%(days)s before the date «%(field)s»") if before else _("%(days)s after the date «%(field)s»")) % names


WEEKDAYS = {
    1: pgettext_lazy("weekday", "Monday"),
    2: pgettext_lazy("weekday", "Tuesday"),
    3: pgettext_lazy("weekday", "Wednesday"),
    4: pgettext_lazy("weekday", "Thursday"),
    5: pgettext_lazy("weekday", "Friday"),
    6: pgettext_lazy("weekday", "Saturday"),
    7: pgettext_lazy("weekday", "Sunday"),
}


def _by_the_clock(rule: Rule) -> str:
    days = ", ".join(str(WEEKDAYS[day]) for day in rule.weekdays)
    text = _("On these days (%(days)s) at %(hour)s") if days else _("Every day at %(hour)s")
    text %= {"days": days, "hour": f"{rule.at_hour or 0}:00"}
    if rule.stage is None:
        return text + _(", at any open stage")
    return text + _(", at the stage «%(stage)s»") % {"stage": rule.stage.name}


def _watched(rule: Rule) -> str:
    columns: Any = record_model(rule.pipeline.record_type)._meta
    return ", ".join(str(columns.get_field(name).verbose_name) for name in rule.fields)


def how_much_later(rule: Rule) -> str:
    """The delay: "in 3 working days"; empty where the rule acts at once."""
    if rule.trigger in {Rule.Trigger.INACTIVE, Rule.Trigger.INVOICE_OVERDUE}:
        return ""  # that it is so many days says its trigger
    if rule.delay_plan:
        return _("on its day by the company settings")
    if hours := rule.delay_hours:
        return ngettext("in %(count)s hour", "in %(count)s hours", hours) % {"count": hours}
    if days := rule.delay_working_days:
        return ngettext("in %(count)s working day", "in %(count)s working days", days) % {"count": days}
    if days := rule.delay_days:
        return ngettext("in %(count)s day", "in %(count)s days", days) % {"count": days}
    return ""


def what_it_does(rule: Rule) -> str:
    """What a rule does, with what is told of it: the stage, the task, the template, the person."""
    action = ACTIONS.get(rule.action)
    words = str(action.label) if action else rule.action
    stage = pipelines.catalogue().stages.get(f"{rule.pipeline_id}:{rule.params.get('to', '')}")
    if stage is not None:
        words += f" «{stage.name}»"
    about = _about(rule)
    return f"{words}: {about}" if about else words


def _about(rule: Rule) -> str:
    params = rule.params
    if params.get("template"):
        return _name_of(_templates(), params["template"])
    if params.get("endpoint"):
        hook = hooks.chosen(params)
        return f"«{hook.name}»" if hook is not None else _("it is not there any more")
    if params.get("field"):
        return _field_and_value(rule)
    if params.get("users"):
        return ", ".join(_name_of(_people(), pk) for pk in params["users"])
    if params.get("role") or (params.get("user") and not params.get("title_ru")):
        return _name_of(_people(), params["user"]) if params.get("user") else str(Role(params["role"]).label)
    text = str(params.get("title_ru") or params.get("text") or "")
    return f"«{text[:80]}{'…' if len(text) > 80 else ''}»" if text else ""


def _field_and_value(rule: Rule) -> str:
    try:
        column = conditions.column(rule.pipeline.record_type, str(rule.params["field"]))
    except LookupError:
        return str(rule.params["field"])
    return f"{column.verbose_name} = {conditions.shown(column, rule.params.get('value')) or _('empty')}"


def _name_of(names: dict[str, str], key: Any) -> str:
    return names.get(str(key), str(key))


def _templates() -> dict[str, str]:
    rows = MessageTemplate.objects.all
    return scope.remember("automation.templates", lambda: {row.pk: f"«{row.name}»" for row in rows()})


def _people() -> dict[str, str]:
    rows = User.objects.filter(partner__isnull=True)
    return scope.remember("automation.people", lambda: {str(row.pk): row.short_name for row in rows})


def users_of_templates() -> dict[str, list[str]]:
    """The robots that write by a template, by its code; those switched off say so."""
    found: dict[str, list[str]] = {}
    for rule in Rule.objects.order_by("pk"):
        if code := (rule.params or {}).get("template"):
            name = rule.name if rule.is_active else _("%(name)s (off)") % {"name": rule.name}
            found.setdefault(str(code), []).append(name)
    return found
