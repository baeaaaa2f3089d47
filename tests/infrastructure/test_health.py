"""The page that a load balancer and Compose ask."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_it_says_that_all_parts_work(client: Client) -> None:
    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_it_needs_no_sign_in_and_takes_no_post(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


def test_it_names_the_part_that_is_away(client: Client, settings: pytest.FixtureRequest) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "unix:///nowhere/valkey.sock",
        },
    }

    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "database": True, "cache": False}
