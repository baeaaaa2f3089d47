"""A pipeline's diagram with its check (PIPE-8): every warning comes for its mistake, and not without it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from automation.graph_drawing import WIDTH, draw
from automation.models import Rule
from automation.pipeline_graph import graph_of, robot_findings
from crm import pipeline_check
from crm.models import Pipeline, Stage, StageHistory
from crm.pipeline_check import BRIEF, MAX_OPEN, MIN_CASES, History, check, form_of, history_of
from crm.stage_times import Stays
from crm.stages import move
from leads.services import lead_create
from tests.api.conftest import Caller
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("PIPE-8")]
SOUND = ("Первая", "Вторая", "Третья")


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, language="en")


def pipeline_of(*names: str, **flags: Any) -> list[Stage]:
    """A pipeline with these open stages, a success after the last, and a refusal; `flags` change the stages."""
    made = Pipeline.objects.create(code="own", record_type="deal", name_ru="Своя", name_en="Own")
    last = len(names) - 1
    stages = [
        Stage(
            pipeline=made, code=f"s{number}", name_ru=name, name_en=name, order=number * 10, is_start=number == 0,
            can_win=number == last,
        )
        for number, name in enumerate(names)
    ]  # fmt: skip
    stages.append(Stage(pipeline=made, code="won", name_ru="Успех", name_en="Won", kind="success", order=900))
    stages.append(Stage(pipeline=made, code="lost", name_ru="Отказ", name_en="Lost", kind="failure", order=910))
    for stage in stages:
        stage.save()
    return stages


def codes(stages: list[Stage], history: History | None = None) -> set[str]:
    return {finding.code for finding in check(stages, history or History())}


def stays(brief: int, count: int = 100) -> Stays:
    return Stays(count, 60.0, 600.0, brief)


def test_a_sound_pipeline_has_nothing_to_mend() -> None:
    assert codes(pipeline_of(*SOUND)) == set()


def test_more_than_seven_open_stages_are_too_many_and_hidden_ones_do_not_count() -> None:
    stages = pipeline_of(*(f"Стадия {letter}" for letter in "абвгдежз"))
    assert codes(stages) == {"too_many"}
    stages[3].is_hidden = True
    assert codes(stages) == set()
    assert MAX_OPEN == 7


def test_a_pipeline_without_a_refusal_is_told_so() -> None:
    stages = pipeline_of(*SOUND)
    assert codes(stages[:-1]) == {"no_refusal"}


def test_a_stage_that_no_move_leads_to_is_named() -> None:
    stages = pipeline_of(*SOUND)
    stages[2].can_win = False
    (finding,) = check(stages, History())
    assert (finding.code, finding.stages) == ("unreachable", ("own:won",))
    stages[2].can_win = True
    stages[0].order = 15  # the start stands behind the second stage: forward never leads there
    assert [f.stages for f in check(stages, History()) if f.code == "unreachable"] == [("own:s1",)]
    stages[2].returns_anywhere = True
    assert codes(stages) == set()


def test_a_stage_in_which_hardly_anything_stays_is_named() -> None:
    stages = pipeline_of(*SOUND)
    assert codes(stages, History({"own:s1": stays(90)})) == {"passed_through"}
    assert codes(stages, History({"own:s1": stays(89)})) == set()
    few = MIN_CASES - 1
    assert codes(stages, History({"own:s1": stays(few, few)})) == set(), "too few cases say nothing"


def test_a_stage_that_hardly_anybody_enters_is_named_but_not_one_aside() -> None:
    stages = pipeline_of(*SOUND)
    moves = {(None, "own:s0"): 200, ("own:s0", "own:s1"): 3, ("own:s0", "own:s2"): 100, ("own:s0", "own:lost"): 60}
    found = [f for f in check(stages, History({}, moves)) if f.code == "hardly_used"]
    assert [f.stages for f in found] == [("own:s1",)]
    stages[1].is_detour = True
    assert codes(stages, History({}, moves)) == set()
    stages[1].is_detour = False
    assert codes(stages, History({}, {**moves, ("own:s0", "own:s1"): 4})) == set()


def test_two_stages_that_are_always_passed_together_are_named() -> None:
    stages = pipeline_of(*SOUND)
    begun = {(None, "own:s0"): 100, ("own:s0", "own:s2"): 40, ("own:s0", "own:lost"): 20}
    together = {**begun, ("own:s0", "own:s1"): 40, ("own:s1", "own:s2"): 38, ("own:s1", "own:lost"): 2}
    apart = {**together, ("own:s1", "own:s2"): 30, ("own:s1", "own:lost"): 10}
    assert codes(stages, History({}, together)) == set(), "the second came mostly from elsewhere"
    only = {key: count for key, count in together.items() if key != ("own:s0", "own:s2")}
    (finding,) = check(stages, History({}, only))
    assert (finding.code, finding.stages) == ("together", ("own:s1", "own:s2"))
    assert codes(stages, History({}, {k: v for k, v in apart.items() if k != ("own:s0", "own:s2")})) == set()


@pytest.mark.parametrize(
    ("names", "code", "odd"),
    [
        (("Новая", "расчёт", "Договор"), "mixed_case", 1),
        (("Новая", "РАСЧЁТ", "Договор"), "mixed_capitals", 1),
        (("1. Новая", "2. Расчёт", "Договор"), "mixed_numbers", 2),
        (("Новая.", "Расчёт", "Договор"), "mixed_dots", 0),
        (("Новая", "Отправить КП", "Договор"), "mixed_actions", 1),
        (("Новая", "Расчёт", "КП отправлено"), "mixed_forms", 2),
    ],
)
def test_a_mix_of_naming_styles_is_named(names: tuple[str, ...], code: str, odd: int) -> None:
    (finding,) = check(pipeline_of(*names), History())
    assert (finding.code, finding.stages) == (code, (f"own:s{odd}",))
    assert finding.is_hint is (code == "mixed_forms")


def test_the_form_of_a_name_is_told_by_its_words() -> None:
    assert {form_of(name) for name in ("Позвонить клиенту", "Отправить КП", "Найти", "Связаться")} == {"action"}
    assert {form_of(name) for name in ("Получен запрос", "Связались с клиентом", "КП отправлено", "Не обработан")} == {
        "happened"
    }
    assert {form_of(name) for name in ("Переговоры", "Расчёт стоимости", "В работе", "Клиент", "Отложенный спрос")} == {
        "state"
    }


def test_a_robot_that_moves_where_no_move_is_allowed_is_named() -> None:
    stages = pipeline_of(*SOUND)

    def found(**fields: Any) -> list[str]:
        rule = Rule(pipeline_id="own", name_ru="Робот", name_en="Robot", action="change_stage", **fields)
        return [finding.code for finding in robot_findings(stages, [rule])]

    assert found(stage=stages[0], params={"to": "s2"}) == []
    assert found(stage=stages[2], params={"to": "s0"}) == [], "a robot may go back: the rule is its reason"
    assert found(stage=stages[0], params={"to": "won"}) == ["robot_no_move"]
    assert found(stage=stages[2], params={"to": "won"}) == []
    assert found(stage=stages[3], params={"to": "lost"}) == ["robot_no_reason"]
    assert found(stage=stages[0], params={"to": "nowhere"}) == ["robot_nowhere"]
    assert found(stage=stages[0], params={"to": "s0"}) == ["robot_no_move"]
    assert found(stage=stages[0], params={"to": "won"}, is_active=False) == []
    assert found(stage=None, params={"to": "won"}) == [], "from the last stage it may"
    assert found(stage=stages[0], params={}) == []
    stages[2].is_hidden = True
    assert found(stage=stages[0], params={"to": "s2"}) == ["robot_hidden"]


def test_history_is_counted_from_what_really_happened(head: Any, clock: Any) -> None:
    pipeline = Pipeline.objects.get(pk="deal")
    stranger = make_user()
    for number in range(4):
        deal = make_deal(head, responsible=head)
        clock.travel(minutes=5 if number == 0 else 60)
        move(deal, "costing", by=head, override=True)
    history = history_of(pipeline, head)
    assert history.moves == {(None, "deal:request_received"): 4, ("deal:request_received", "deal:costing"): 4}
    assert history.stays["deal:request_received"] == Stays(4, 3600, 3600, 1)
    assert timedelta(minutes=10) == BRIEF
    assert history_of(pipeline, stranger) == History({}, {})
    StageHistory.objects.update(at=clock.now() - timedelta(days=400))
    assert history_of(pipeline, head) == History({}, {})


def test_shipped_rules_move_only_where_the_machine_allows_it() -> None:
    for pipeline in Pipeline.objects.all():
        stages = list(Stage.objects.filter(pipeline=pipeline).select_related("pipeline"))
        found = list(robot_findings(stages, list(Rule.objects.filter(pipeline=pipeline))))
        assert [finding.text for finding in found] == []


def test_the_drawing_holds_every_stage_once_and_inside(head: Any) -> None:
    for pipeline in Pipeline.objects.all():
        graph = graph_of(pipeline, head)
        drawing = draw(graph)
        assert sorted(box.stage.key for box in drawing.boxes) == sorted(node.stage.key for node in graph.nodes)
        for box in drawing.boxes:
            assert box.x >= 0
            assert box.x + box.width <= WIDTH
            assert box.y + box.height <= drawing.height
        for one in drawing.boxes:
            others = [box for box in drawing.boxes if box is not one and box.x == one.x]
            assert not [box for box in others if one.y <= box.y < one.y + one.height], "no two over each other"


def test_page_and_api_show_stages_moves_robots_and_how_many_stand_there(client: Client, head: Any) -> None:
    client.force_login(head)
    make_deal(head, responsible=head)
    page = client.get("/settings/pipelines/deal/graph/").content.decode()
    assert '<svg class="graph-drawing"' in page
    assert "style=" not in page[page.index("graph-drawing") : page.index("</svg>", page.index("graph-key") - 300)]
    assert "Construction far away: delayed demand" in page
    assert "?stage=deal:request_received" in page
    assert "8 open stages" in page
    assert str(pipeline_check.LOOK_BACK) in page
    program = Caller(head)
    graph = program.get("pipelines/deal/graph/").json()
    first = next(stage for stage in graph["stages"] if stage["key"] == "deal:request_received")
    assert first["cards"] == 1
    assert "deal:costing" in first["moves"]
    assert "deal:contract_signed" not in first["moves"]
    negotiation = next(stage for stage in graph["stages"] if stage["key"] == "deal:negotiation")
    assert "deal:costing" in negotiation["head_moves"]
    assert "Construction far away: delayed demand" in {rule["name"] for rule in negotiation["rules"]}
    assert "too_many" in {finding["code"] for finding in graph["findings"]}
    assert program.get("pipelines/nothing/graph/").status_code == 404
    for role in (Role.SALES_MANAGER, Role.PARTNER, Role.PARTNER_CONTROL, Role.CALL_CENTER):
        assert Caller(make_user(role)).get("pipelines/deal/graph/").status_code == 403


def test_every_pipeline_is_drawn(client: Client, head: Any) -> None:
    client.force_login(head)
    lead_create(by=head, data={"name": "Пётр"})
    for pipeline in Pipeline.objects.all():
        assert client.get(f"/settings/pipelines/{pipeline.pk}/graph/").status_code == 200, pipeline.pk
    assert client.get("/settings/pipelines/nothing/graph/").status_code == 404
