"""Callers of the API: with a token as integrations do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from accounts.services import token_create


class Caller:
    """A program that calls the API with a token of a user."""

    def __init__(self, user: User, *scopes: str) -> None:
        self.user = user
        self.token, self.secret = token_create(
            user=user, by=user, name="Сайт", scopes=scopes or ("read", "write", "reports")
        )
        self.client = Client()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call; the answer's `problem` or body is in `.json()`."""
        options: dict[str, Any] = {"headers": {"Authorization": f"Bearer {self.secret}", **headers}}
        if body is not None:
            options |= {"data": body if isinstance(body, bytes) else json.dumps(body)}
            options["content_type"] = "application/json"
        return getattr(self.client, method)(path if path.startswith("/api/") else f"/api/v1/{path}", **options)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("post", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("patch", path, body, **headers)

    def ids(self, path: str) -> list[int]:
        """The ids on one page of a list."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["results"]]


@pytest.fixture
def caller() -> Callable[..., Caller]:
    """`caller(user)` or `caller(user, "read")`: a program with a token of that user."""
    return Caller


@pytest.fixture(scope="session")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The description as a file, made with every warning taken for an error."""
    path = tmp_path_factory.mktemp("schema") / "openapi.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(path))
    return path
