"""Files of a handed-over record: each side sees the other's, internal ones stay the manufacturer's."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from crm import services, timeline
from crm.attachments import files_of
from crm.models import Attachment
from partners.handoff import recall
from tests.partners.scene import Scene, browser, fresh

pytestmark = [pytest.mark.django_db, pytest.mark.rule("PART-8", "ACC-1")]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def added(record: Any, name: str, by: Any, *, internal: bool = False) -> Attachment:
    upload = SimpleUploadedFile(name, name.encode())
    return services.attachment_add(fresh(record), upload=upload, by=by, internal=internal)


def names(record: Any, user: Any) -> list[str]:
    return sorted(files_of(fresh(record), user).values_list("name", flat=True))


def status(user: Any, file: Attachment) -> int:
    return browser(user).get(f"/files/{file.pk}/").status_code


def test_each_side_sees_the_files_of_the_other(scene: Scene) -> None:
    deal = scene.deal()
    added(deal, "before.txt", scene.manager)
    handoff, twin = scene.handed(deal)
    theirs = added(twin, "survey.txt", scene.dealer)
    ours = added(deal, "plan.txt", scene.manager)
    hidden = added(deal, "margin.txt", scene.manager, internal=True)
    assert names(deal, scene.manager) == ["before.txt", "margin.txt", "plan.txt", "survey.txt"]
    assert names(twin, scene.dealer) == ["before.txt", "plan.txt", "survey.txt"]
    for who, file, answer in (
        (scene.manager, theirs, 200), (scene.teammate, theirs, 200), (scene.stranger, theirs, 404),
        (scene.dealer, ours, 200), (scene.other, ours, 404), (scene.dealer, hidden, 404), (scene.other, theirs, 404),
    ):  # fmt: skip
        assert status(who, file) == answer, f"{who.role} {file.name}"
    api = browser(scene.manager).get(f"/api/v1/deals/{deal.pk}/files/").json()["results"]
    assert "survey.txt" in {row["name"] for row in api}
    assert "survey.txt" in browser(scene.manager).get(f"/deals/{deal.pk}/").content.decode()
    told = " ".join(timeline.sentence(entry) for entry in timeline.entries_for(fresh(deal), scene.manager))
    assert "survey.txt" in told
    shown = " ".join(timeline.sentence(entry) for entry in timeline.entries_for(fresh(twin), scene.dealer))
    assert "plan.txt" in shown
    assert "margin.txt" not in shown
    recall(handoff_id=handoff.pk, by=scene.head, reason="Клиент просит нас самих")
    assert names(twin, scene.dealer) == []
    assert status(scene.dealer, ours) == status(scene.dealer, theirs) == 404
    assert status(scene.manager, theirs) == 200
