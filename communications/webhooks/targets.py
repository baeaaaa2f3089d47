"""Where a webhook may go: never into our own network, whatever its address is called and however it is spelled.

A name is resolved when the message is sent, every address it has is checked, and the connection is made to the very
address that was checked: a name that changes between the two leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from crm.errors import DomainError

PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?=.{1,253}$)(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_OUR_NAMES = re.compile(r"(?:.*\.)?(?:localhost|local|internal|localdomain)\.?")
# Addresses within which an IPv4 address is wrapped up: translation (NAT64), and those without a meaning of their own.
_WRAPPED = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))
# A network's own translation: where in it the IPv4 address lies is that network's choice, so all of it is inner.
_OWN_TRANSLATION = ipaddress.ip_network("64:ff9b:1::/48")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class BadTarget(DomainError):
    """A webhook is not sent to this address; the message says why."""


@dataclass(frozen=True)
class Target:
    """An address taken apart: the host as it is looked up, the port, and path with query as they are asked for."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def at(self, address: Address) -> str:
        """The URL with the address that was checked in the place of the name."""
        host = f"[{address}]" if address.version == 6 else str(address)
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse(url: str) -> Target:
    """Take an address apart; BadTarget where a webhook can never go. Nothing is looked up."""
    if re.search(r"[\x00-\x20\\\x7f]", url):
        raise BadTarget(_("The address holds a space or another sign that no address has."))
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise BadTarget(_("This is no address of a page.")) from error
    if parts.scheme not in PORTS:
        raise BadTarget(_("The address begins with https:// or http://."))
    if parts.username is not None or parts.password is not None:
        raise BadTarget(_("The address must hold no name and password: messages are signed instead."))
    if not host or port == 0:
        raise BadTarget(_("This is no address of a page."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, _host(host), port or PORTS[parts.scheme], _ascii(path))


def check(url: str) -> Target:
    """Like `parse`, and refuse what can be known for inner without asking anybody: for the form."""
    target = parse(url)
    literal = _literal(target.host)
    if literal is not None:
        _require_outer(literal)
    elif _OUR_NAMES.fullmatch(target.host) and not settings.WEBHOOK_ALLOWED_NETWORKS:
        raise _inner(target.host)
    return target


def addresses_of(target: Target, found: Any = None) -> list[Address]:
    """The addresses of a target, all of them outer; BadTarget where it has none, or one that is ours.

    `found` is what was looked up already (socket.getaddrinfo), where that is done elsewhere.
    """
    try:
        rows = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM) if found is None else found
    except (OSError, UnicodeError) as error:
        raise BadTarget(_("The name «%(host)s» is not known.") % {"host": target.host}) from error
    addresses = list(dict.fromkeys(ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows))
    if not addresses:
        raise BadTarget(_("The name «%(host)s» is not known.") % {"host": target.host})
    for address in addresses:
        _require_outer(address)
    return addresses


def is_outer(address: Address) -> bool:
    """May a webhook go there? Public addresses alone, and the inner networks that the installation allows."""
    meant = _unwrapped(address)
    if any(meant in network for network in settings.WEBHOOK_ALLOWED_NETWORKS if network.version == meant.version):
        return True
    is_special = meant.is_multicast or meant.is_reserved or meant.is_unspecified or meant.is_link_local
    is_site = isinstance(meant, ipaddress.IPv6Address) and meant.is_site_local
    is_special |= address in _OWN_TRANSLATION
    return meant.is_global and not (meant.is_private or meant.is_loopback or is_special or is_site)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address within an IPv6 one (::ffff:127.0.0.1, 2002:7f00:1::, 64:ff9b::7f00:1), else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    is_wrapped = int(address) > 1 and any(address in network for network in _WRAPPED)
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if is_wrapped else address


def _require_outer(address: Address) -> None:
    if not is_outer(address):
        raise _inner(str(address))


def _inner(host: str) -> BadTarget:
    text = _("«%(host)s» is an address of an inner network; webhooks go to public addresses only.") % {"host": host}
    return BadTarget(text)


def _literal(host: str) -> Address | None:
    """The address that a host is itself, in any of its spellings: 127.1, 2130706433, 0x7f000001, 0177.0.0.1."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _host(host: str) -> str:
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError as error:
            raise BadTarget(_("This is no address of a page.")) from error
    try:
        name = host.encode("idna").decode().lower()
    except UnicodeError as error:
        raise BadTarget(_("This is no address of a page.")) from error
    if not _NAME.fullmatch(name):
        raise BadTarget(_("This is no address of a page."))
    return name


def _ascii(path: str) -> str:
    from django.utils.encoding import iri_to_uri

    return iri_to_uri(path) or "/"
