"""The description of the API: valid, complete, true, and readable without the internet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, given, settings
from rest_framework.response import Response
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import ApiToken, Role
from accounts.services import token_hash
from crm.api.docs import CODES
from crm.api.urls import router
from crm.clients import company_create, contact_create
from crm.errors import DomainError
from deals.services import deal_create
from leads.services import lead_create
from objects_registry.services import object_create
from tests.factories import make_user

SECRET = "crm_for-the-schema-walk"
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.mark.rule("DATA-3")
def test_the_description_is_valid_and_complete(described: Path) -> None:
    schema = json.loads(described.read_text())
    assert schema["openapi"].startswith("3.1")
    paths = schema["paths"]
    for path in (
        "/api/v1/leads/", "/api/v1/leads/{id}/move/", "/api/v1/leads/{id}/convert/", "/api/v1/deals/{id}/copies/",
        "/api/v1/objects/merge/", "/api/v1/stages/", "/api/v1/tasks/", "/api/v1/me/",
    ):  # fmt: skip
        assert path in paths, path
    assert len(router.registry) == len({prefix for prefix, _view, _name in router.registry})
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert operation.get("summary") or operation.get("description"), (method, path)
            assert "429" in operation["responses"], (method, path)
            assert {"token": []} in operation["security"], (method, path)


def errors_of(base: type[DomainError]) -> Iterator[str]:
    """The codes of an error and of all that descend from it."""
    yield base.code
    for child in base.__subclasses__():
        yield from errors_of(child)


def test_every_code_that_is_answered_is_explained(described: Path) -> None:
    assert set(errors_of(DomainError)) <= CODES.keys()
    page = Client().get("/api/docs/errors").content.decode()
    assert all(f'id="{code}"' in page for code in CODES)


@pytest.mark.django_db
def test_our_own_failure_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("crm.api.people.MeViewSet.show", fail)
    browser = Client(raise_request_exception=False)
    browser.force_login(make_user())
    answer = browser.get("/api/v1/me/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert answer.json()["code"] == "server_error"
    assert answer.json()["instance"] == answer["X-Request-ID"]
    assert "secret" not in answer.content.decode()


@pytest.fixture
def open_connection() -> Iterator[None]:
    """A server closes its connection after each request; here it belongs to the test."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.usefixtures("open_connection")
@pytest.mark.rule("DATA-3")
def test_answers_are_as_described_whatever_is_sent(described: Path) -> None:
    """A fuzzer walks all operations with the rights of an administrator."""
    admin = make_user(Role.ADMINISTRATOR)
    ApiToken.objects.create(user=admin, name="x", prefix="x", hash=token_hash(SECRET), scopes=["read", "write"])
    known = {
        "deals": deal_create(by=admin, data={"title": "Склад", "responsible": admin}).pk,
        "leads": lead_create(by=admin, data={"name": "Ким"}, phones="+79120001122", stage="handed_over").pk,
        "objects": object_create(by=admin, data={"name": "Склад", "city": "Тверь"}).pk,
        "contacts": contact_create(by=admin, data={"last_name": "Ким"}).pk,
        "companies": company_create(by=admin, data={"name": "ООО «Ким»"}).pk,
        "stages": "deal:negotiation",
    }
    schema = schemathesis.openapi.from_path(described)
    schema.app = get_wsgi_application()
    wrong = []
    for found in schema.get_all_operations():
        operation = found.ok()
        try:
            walk(operation, known.get(operation.path.split("/")[3], 1))
        except FailureGroup as failures:
            wrong += [f"{operation.label}: {failure}" for failure in failures.exceptions]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.django_db
@pytest.mark.usefixtures("open_connection")
def test_the_fuzzer_notices_an_answer_that_is_not_described(described: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.api.people.UserViewSet.list", lambda *_args, **_kwargs: Response(status=402))
    admin = make_user(Role.ADMINISTRATOR)
    ApiToken.objects.create(user=admin, name="x", prefix="x", hash=token_hash(SECRET), scopes=["read"])
    schema = schemathesis.openapi.from_path(described)
    schema.app = get_wsgi_application()
    with pytest.raises(FailureGroup):
        walk(schema["/api/v1/users/"]["GET"])


def walk(operation: Any, key: Any = 1) -> None:
    """A few made-up calls of one operation, as described and against the description, half of them of a real row."""
    calls = operation.as_strategy(GenerationMode.POSITIVE) | operation.as_strategy(GenerationMode.NEGATIVE)
    names = [parameter.name for parameter in operation.path_parameters]
    if names:
        path = {name: key if number == 0 else 1 for number, name in enumerate(sorted(names, key=len))}
        calls |= operation.as_strategy(GenerationMode.POSITIVE, path_parameters=path)
        calls |= operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=path)

    @settings(max_examples=2, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=calls)
    def one(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {SECRET}"}, checks=CHECKS)

    one()
