"""Webhooks do not reach into our own network, however the address is spelled and whatever a name says later."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from communications.models import WebhookDelivery
from communications.webhooks import sending, services, targets
from crm.env import BadSettingError, Env
from crm.errors import InvalidInput
from tests.communications.receiver import LOOPBACK, Receiver, listening
from tests.factories import make_user

INNER = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0",
    "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "192.0.2.1", "198.18.0.1", "127.0.0.1.", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[fec0::1]",
    "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:a00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]",
    "[2002:7f00:1::]", "[2001:db8::1]", "[::ffff:0:127.0.0.1]", "１２７.0.0.1", "[64:ff9b:1:7f00:0:100:808:808]",
]  # fmt: skip


@pytest.fixture
def inner() -> Iterator[Receiver]:
    """Something of our own that listens on this machine."""
    with listening() as found:
        yield found


@pytest.fixture
def head(db: None) -> Any:
    return make_user("sales_head")


def names(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let names resolve to these addresses, one after another, the last for good; answers what was asked for."""
    asked: list[str] = []

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host)
        address = answers[min(len(asked), len(answers)) - 1]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(kind, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize("host", INNER)
def test_the_form_refuses_an_inner_address_in_any_spelling(host: str) -> None:
    with pytest.raises(targets.BadTarget):
        targets.check(f"https://{host}/hook")


@pytest.mark.parametrize("host", [host for host in INNER if host.isascii()])
def test_sending_refuses_it_too(host: str) -> None:
    with pytest.raises(targets.BadTarget):
        targets.addresses_of(targets.parse(f"https://{host}/hook"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "example.com/hook", "//example.com/", "",
        "https://", "https:///hook", "https://user:secret@example.com/", "https://example.com@127.0.0.1/",
        "https://127.0.0.1\\@example.com/", "https://exa mple.com/", "https://example.com/\r\nHost: inner",
        "https://example.com:0/", "https://example.com:99999/", "https://[::1%25eth0]/", "https://[nonsense]/",
        "https://exa%6dple.com/", "https://localhost/", "https://db.localhost/", "https://printer.local/",
        "https://metadata.google.internal/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_page_is_refused(url: str) -> None:
    with pytest.raises(targets.BadTarget):
        targets.check(url)


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://example.com", "example.com", "/"),
        ("http://example.com:8080/a?b=c#d", "example.com:8080", "/a?b=c"),
        ("https://пример.рф/крюк", "xn--e1afmkfd.xn--p1ai", "/%D0%BA%D1%80%D1%8E%D0%BA"),
        ("https://[2606:2800:220:1::1]:8443/", "[2606:2800:220:1::1]:8443", "/"),
        ("HTTPS://EXAMPLE.com/", "example.com", "/"),
    ],
)
def test_what_is_one_is_taken_apart(url: str, authority: str, path: str) -> None:
    target = targets.check(url)
    assert (target.authority, target.path) == (authority, path)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_outer(address: str) -> None:
    assert targets.is_outer(ip_address(address))


def test_networks_of_ones_own_are_allowed_by_the_environment(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    assert targets.check("http://10.1.2.3/").host == "10.1.2.3"
    assert targets.is_outer(ip_address("fd00::5"))
    assert targets.is_outer(ip_address("::ffff:10.1.0.1"))
    for host in ("10.2.0.1", "127.0.0.1", "[fe80::1]"):
        with pytest.raises(targets.BadTarget):
            targets.check(f"http://{host}/")
    assert Env({"N": "10.1.0.0/16, fd00::/8"}).networks("N") == settings.WEBHOOK_ALLOWED_NETWORKS
    with pytest.raises(BadSettingError, match="N: expected networks"):
        Env({"N": "10.1.0.1/16"}).networks("N")


def _send(head: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> WebhookDelivery:
    row, _secret = services.endpoint_create(data={"name": "Склад", "url": url}, by=head)
    services.test_send(row, by=head)
    sending.send_due()
    return WebhookDelivery.objects.get()


@pytest.mark.rule("COM-7")
def test_a_name_that_means_our_own_network_is_not_called(
    head: Any, inner: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, "127.0.0.1")
    delivery = _send(head, f"http://hook.example.com:{inner.port}/", monkeypatch)
    assert inner.got == []
    assert "127.0.0.1" in delivery.error
    assert (delivery.state, delivery.status) == ("queued", None)


def test_without_the_guard_it_would_be_called(head: Any, inner: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the tests beside this one can fail: the way is open but for the guard."""
    monkeypatch.setattr(targets, "is_outer", lambda _address: True)
    names(monkeypatch, "127.0.0.1")
    assert _send(head, f"http://hook.example.com:{inner.port}/", monkeypatch).state == "done"
    assert len(inner.got) == 1


def test_one_inner_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]
    with pytest.raises(targets.BadTarget):
        targets.addresses_of(targets.parse("http://example.com/"), rows)


@pytest.mark.rule("COM-7")
def test_the_connection_goes_to_the_very_address_that_was_checked(
    head: Any, inner: Receiver, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """A name that answers something else the second time (rebinding) is never asked a second time."""
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK
    asked = names(monkeypatch, "127.0.0.1", "169.254.169.254")
    delivery = _send(head, f"http://hook.example.com:{inner.port}/x?y=1", monkeypatch)
    assert delivery.state == "done"
    assert asked == ["hook.example.com"]
    ((headers, _body),) = inner.got
    assert (headers["host"], inner.paths) == (f"hook.example.com:{inner.port}", ["/x?y=1"])


@pytest.mark.rule("COM-7")
def test_redirects_are_not_followed(head: Any, inner: Receiver, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK
    inner.answer = (307, {"Location": f"http://localhost:{inner.port}/secret"}, b"")
    delivery = _send(head, inner.url, monkeypatch)
    assert inner.paths == ["/hook"]
    assert (delivery.state, delivery.status) == ("queued", 307)
    assert "307" in delivery.error


def test_a_proxy_of_the_environment_is_not_asked(
    head: Any, inner: Receiver, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert _send(head, inner.url, monkeypatch).state == "done"


def test_the_form_says_at_the_field_what_is_wrong(head: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        services.endpoint_create(data={"name": "Склад", "url": "http://0x7f.1/"}, by=head)
    assert refused.value.errors[0]["pointer"] == "/url"
    assert "127.0.0.1" in refused.value.message
