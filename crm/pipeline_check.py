"""The classic mistakes of a pipeline (PIPE-8), told by its stages and by what its history shows.

All thresholds stand here, and the page explains them by these very numbers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from accounts.models import Role, User
from crm import clock
from crm.errors import InvalidInput
from crm.models import Pipeline, Stage, StageHistory, record_model
from crm.stage_times import Stays, stays_in_stages
from crm.stages import allowed_by_machine

# More open stages than that, and people stop telling them apart.
MAX_OPEN = 7
# History is read so many days back, a year when nothing is said, and says nothing while it has fewer cases.
LOOK_BACKS = (30, 90, 365, 1095)
LOOK_BACK = 365
MIN_CASES = 20
# Hardly anything stays in a stage when this share of the stays is shorter than that.
BRIEF = timedelta(minutes=10)
BRIEF_SHARE = 0.9
# A stage is hardly used when it is entered less often than this share of the records that began.
RARE_SHARE = 0.02
# Two stages go together when this share leaves the one for the other, and this share of the other came from it.
TOGETHER_SHARE = 0.95


@dataclass(frozen=True)
class Finding:
    """One mistake: its code, the sentence for people, and the keys of the stages it is about.

    A hint is a matter of taste, or may be meant so.
    """

    code: str
    text: str
    stages: tuple[str, ...] = ()
    is_hint: bool = False


@dataclass(frozen=True)
class History:
    """What the period shows: finished stays by stage, and moves by (from, to); from None is a new record."""

    stays: Mapping[str, Stays] = field(default_factory=dict)
    moves: Mapping[tuple[str | None, str], int] = field(default_factory=dict)

    def entered(self, key: str) -> int:
        """How often the stage was entered."""
        return sum(count for (_from, to), count in self.moves.items() if to == key)

    def left(self, key: str) -> int:
        """How often it was left."""
        return sum(count for (source, _to), count in self.moves.items() if source == key)

    @property
    def begun(self) -> int:
        """How many records began in the pipeline."""
        return sum(count for (source, _to), count in self.moves.items() if source is None)


def history_of(pipeline: Pipeline, user: User, days: int = LOOK_BACK) -> History:
    """The past days of a pipeline over the records in the person's sight: two aggregates, whatever their number."""
    rows: Any = record_model(pipeline.record_type)._default_manager
    mine = rows.visible_to(user).filter(pipeline=pipeline.pk).order_by()
    since = clock.now() - timedelta(days=days)
    moves = StageHistory.objects.filter(
        record_type=pipeline.record_type,
        pipeline=pipeline,
        at__gte=since,
        is_back=False,
        record_id__in=mine.values("pk"),
    )
    counted = moves.order_by().values_list("from_stage", "to_stage").annotate(Count("pk"))
    return History(
        stays_in_stages(mine, pipeline.record_type, since=since, brief=BRIEF),
        {(source, to): count for source, to, count in counted},
    )


def cards_of(pipeline: Pipeline, user: User) -> dict[str, int]:
    """How many living records in the person's sight stand in each stage of a pipeline, by its key."""
    rows: Any = record_model(pipeline.record_type)._default_manager
    standing = rows.visible_to(user).alive().filter(pipeline=pipeline.pk).order_by()
    return dict(standing.values_list("stage").annotate(Count("pk")))


def check(stages: Sequence[Stage], history: History) -> list[Finding]:
    """All mistakes of a pipeline with these stages in their order; hidden ones count as not there."""
    shown = [stage for stage in stages if not stage.is_hidden]
    found = [finding for look in OF_STAGES for finding in look(shown)]
    found += [finding for look in OF_HISTORY for finding in look(shown, history)]
    return sorted(found, key=lambda finding: finding.is_hint)


# -- told by the stages alone -----------------------------------------------------------------------------------------


def _too_many(stages: Sequence[Stage]) -> Iterator[Finding]:
    count = sum(stage.is_open for stage in stages)
    if count > MAX_OPEN:
        text = ngettext(
            "%(count)s open stage: more than %(most)s, people stop telling them apart. Hide those where cards hardly "
            "ever stand.",
            "%(count)s open stages: more than %(most)s, people stop telling them apart. Hide those where cards hardly "
            "ever stand.",
            count,
        )
        yield Finding("too_many", text % {"count": count, "most": MAX_OPEN})


def _no_refusal(stages: Sequence[Stage]) -> Iterator[Finding]:
    if not any(stage.is_failure for stage in stages):
        yield Finding(
            "no_refusal", _("There is no stage for refusals: what is lost stays open or vanishes unexplained.")
        )


def _unreachable(stages: Sequence[Stage]) -> Iterator[Finding]:
    for stage in stages:
        if stage.key not in reachable(stages):
            yield Finding("unreachable", _("No move leads to «%(stage)s».") % {"stage": stage.name}, (stage.key,))


def reachable(stages: Sequence[Stage]) -> set[str]:
    """The stages that a salesperson can get a new record to, step by step."""
    found = {stage.key for stage in stages if stage.is_start}
    waiting = [stage for stage in stages if stage.is_start]
    while waiting:
        for target in allowed_moves(waiting.pop(), stages):
            if target.key not in found:
                found.add(target.key)
                waiting.append(target)
    return found


def allowed_moves(stage: Stage, stages: Sequence[Stage], *, head: bool = False) -> list[Stage]:
    """Where the machine lets a salesperson (or the sales head, who gives a reason) move records of a stage."""
    role = Role.SALES_HEAD if head else Role.SALES_MANAGER
    return allowed_by_machine(stage, stages, User(role=role))


# -- told by the history ----------------------------------------------------------------------------------------------


def _passed_through(stages: Sequence[Stage], history: History) -> Iterator[Finding]:
    for stage in stages:
        stays = history.stays.get(stage.key)
        if (
            stage.is_open
            and stays is not None
            and stays.count >= MIN_CASES
            and stays.brief >= BRIEF_SHARE * stays.count
        ):
            text = _(
                "Hardly anything ever stays in «%(stage)s»: %(brief)s of %(count)s left it within %(minutes)s minutes."
            )
            yield Finding(
                "passed_through",
                text
                % {
                    "stage": stage.name,
                    "brief": stays.brief,
                    "count": stays.count,
                    "minutes": int(BRIEF.total_seconds() // 60),
                },
                (stage.key,),
            )


def _hardly_used(stages: Sequence[Stage], history: History) -> Iterator[Finding]:
    """Stages aside from the main path are rare by their nature."""
    begun = history.begun
    for stage in stages:
        if not stage.is_open or stage.is_start or stage.is_detour or begun < MIN_CASES:
            continue
        if (entered := history.entered(stage.key)) < RARE_SHARE * begun:
            text = _("«%(stage)s» is hardly used: entered %(entered)s times while %(begun)s records began.")
            yield Finding("hardly_used", text % {"stage": stage.name, "entered": entered, "begun": begun}, (stage.key,))


def _together(stages: Sequence[Stage], history: History) -> Iterator[Finding]:
    """Nothing is ever lost or turned aside between the two: they say the same of a record.

    Stages aside from the main path are left out: what waits comes back by one way, and is meant to.
    """
    opened = [stage for stage in stages if stage.is_open and not stage.is_detour]
    for first, second in ((a, b) for a in opened for b in opened if a.order < b.order):
        both = history.moves.get((first.key, second.key), 0)
        left, entered = history.left(first.key), history.entered(second.key)
        if min(left, entered) < MIN_CASES or both < TOGETHER_SHARE * left or both < TOGETHER_SHARE * entered:
            continue
        text = _(
            "«%(first)s» and «%(second)s» are always passed together: %(both)s of %(left)s went straight from the one "
            "to the other. One stage would do."
        )
        names = {"first": first.name, "second": second.name}
        yield Finding("together", text % {**names, "both": both, "left": left}, (first.key, second.key))


OF_HISTORY = (_passed_through, _hardly_used, _together)


# -- names ------------------------------------------------------------------------------------------------------------

_INFINITIVE = re.compile(r"(?:ть|ти|чь)(?:ся|сь)?$")
_HAPPENED = re.compile(r"(?:[аяеё]н[аоы]?|[ыия]т[аоы]?|ил|[аеия]л[аои](?:сь|ся)?|[аеия]лся)$")
_NUMBER = re.compile(r"\d+[.)]?\s")


def form_of(name: str) -> str:
    """What a Russian name says: an "action" to be done ("Позвонить"), what "happened" ("Получен запрос"), a "state".

    By the endings of its first words: a guess that is right for the names that sales departments give.
    """
    words = re.findall(r"[а-яё]+", name.lower().removeprefix("не "))[:2]
    if words and len(words[0]) > 3 and _INFINITIVE.search(words[0]):
        return "action"
    return "happened" if any(len(word) > 4 and _HAPPENED.search(word) for word in words) else "state"


# By what names are told apart, and the sentence; whichever of the groups is smaller is named as odd.
MIXES: dict[str, tuple[Callable[[str], Any], str]] = {
    "mixed_case": (
        lambda name: name[0].islower(),
        gettext_noop("Capital and small first letters are mixed: %(stages)s."),
    ),
    "mixed_capitals": (
        lambda name: name.isupper() and len(name) > 3,
        gettext_noop("Some names are all capitals: %(stages)s."),
    ),
    "mixed_numbers": (
        lambda name: bool(_NUMBER.match(name)),
        gettext_noop("Some names are numbered, some are not: %(stages)s."),
    ),
    "mixed_dots": (
        lambda name: name.endswith("."),
        gettext_noop("Some names end with a full stop, some do not: %(stages)s."),
    ),
    "mixed_actions": (
        lambda name: form_of(name) == "action",
        gettext_noop("Some names say what is to be done, others how things stand: %(stages)s."),
    ),
    "mixed_forms": (
        lambda name: form_of(name) == "happened",
        gettext_noop("Some names say what has happened, others how things stand: %(stages)s."),
    ),
}
MIX_HINTS = frozenset({"mixed_forms"})


def _naming(stages: Sequence[Stage]) -> Iterator[Finding]:
    """By the Russian names, which the department works with; open stages alone, for the others are results."""
    named = [stage for stage in stages if stage.is_open and stage.name_ru.strip()]
    for code, (of, text) in MIXES.items():
        groups: dict[Any, list[Stage]] = defaultdict(list)
        for stage in named:
            groups[of(stage.name_ru.strip())].append(stage)
        if len(groups) > 1:
            odd = min(groups.values(), key=len)
            shown = ", ".join(f"«{stage.name}»" for stage in odd)
            yield Finding(code, _(text) % {"stages": shown}, tuple(stage.key for stage in odd), code in MIX_HINTS)


OF_STAGES = (_too_many, _no_refusal, _unreachable, _naming)


def read_days(text: str) -> int:
    """How far back the history is to be read; InvalidInput for another number of days than those offered."""
    if text and text not in {str(days) for days in LOOK_BACKS}:
        names = ", ".join(str(days) for days in LOOK_BACKS)
        raise InvalidInput.at("days", _("Give one of: %(names)s.") % {"names": names})
    return int(text or LOOK_BACK)


def explained(days: int = LOOK_BACK) -> list[str]:
    """How the page comes to its warnings, with the thresholds."""
    minutes = int(BRIEF.total_seconds() // 60)
    brief, rare, both = (f"{share * 100:g}" for share in (BRIEF_SHARE, RARE_SHARE, TOGETHER_SHARE))
    return [
        _("The history is read for the past %(days)s days and says nothing of a stage with fewer than %(cases)s cases.")
        % {"days": days, "cases": MIN_CASES},
        _("More than %(most)s open stages are too many; hidden ones do not count.") % {"most": MAX_OPEN},
        _(
            "Hardly anything stays in a stage when %(percent)s %% of those that left it did so within %(minutes)s "
            "minutes."
        )
        % {"percent": brief, "minutes": minutes},
        _("A stage is hardly used when fewer than %(percent)s %% of the records that began ever enter it.")
        % {"percent": rare},
        _(
            "Two stages go together when %(percent)s %% of those that leave the first go straight to the second, and "
            "as many of those in the second came from the first: nothing is lost or decided between them."
        )
        % {"percent": both},
        _("A stage is out of reach when a salesperson can bring no new record to it, step by step."),
    ]
