"""Reading the environment: every value is checked and a bad one stops the start with one sentence.

Only the standard library is used at import time, so that the scripts that run
before the dependencies are there can use the same rules.
"""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

# Which process this is, where it matters: crm.wsgi says "web" before the settings are read.
PROCESS = ""

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})
REDIS_SCHEMES = ("redis", "rediss", "unix")
DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")
EMAIL_SCHEMES = ("smtp", "smtp+tls", "smtp+ssl", "filemail", "consolemail", "memorymail")


class BadSettingError(SystemExit):
    """Ends the process with its message as the only line, whatever started it: web, worker or command."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"{name}: {problem}")


def check_url(name: str, value: str, schemes: tuple[str, ...]) -> str:
    """Return the URL when its scheme and port are sane. Its text is not repeated: it may hold a password."""
    try:
        parts = urlsplit(value)
        sane = parts.scheme in schemes and "://" in value and (parts.port is None or parts.port > 0)
    except ValueError:
        sane = False
    if not sane:
        raise BadSettingError(name, f"expected a URL that starts with {' or '.join(f'{each}://' for each in schemes)}.")
    return value


class Env:
    """A view of environment variables with typed, checked readers."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = os.environ if values is None else values

    def given(self, name: str) -> bool:
        """Tell whether the variable is set to something; an empty one counts as not set."""
        return bool(self.values.get(name, "").strip())

    def text(self, name: str, default: str = "") -> str:
        """Read a plain string."""
        return self.values.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        """Read a yes-or-no value."""
        raw = self.text(name).lower()
        if not raw:
            return default
        if raw in TRUE:
            return True
        if raw in FALSE:
            return False
        raise BadSettingError(name, f"expected true or false, got {self.values[name]!r}.")

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """Read a whole number within bounds."""
        raw = self.text(name)
        if not raw:
            return default
        try:
            value = int(raw)
        except ValueError:
            raise BadSettingError(name, f"expected a whole number, got {raw!r}.") from None
        if not low <= value <= high:
            raise BadSettingError(name, f"expected a number from {low} to {high}, got {value}.")
        return value

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """Read one of a few words."""
        value = self.text(name, default)
        if value not in allowed:
            raise BadSettingError(name, f"expected one of {', '.join(allowed)}, got {value!r}.")
        return value

    def items(self, name: str, default: list[str]) -> list[str]:
        """Read a comma-separated list."""
        raw = self.text(name)
        return [item.strip() for item in raw.split(",") if item.strip()] if raw else default

    def origin(self, name: str, default: str) -> str:
        """Read one origin such as https://crm.example.com."""
        return (self.origins(name) or [default])[0]

    def origins(self, name: str) -> list[str]:
        """Read a list of origins such as https://crm.example.com."""
        found = self.items(name, [])
        for origin in found:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
                raise BadSettingError(name, f"expected origins such as https://crm.example.com, got {origin!r}.")
        return [origin.rstrip("/") for origin in found]

    def networks(self, name: str) -> list[IPv4Network | IPv6Network]:
        """Read a list of networks such as 10.0.0.0/8."""
        try:
            return [ip_network(item) for item in self.items(name, [])]
        except ValueError as error:
            raise BadSettingError(name, f"expected networks such as 10.1.0.0/16: {error}.") from None

    def zone(self, name: str, default: str) -> str:
        """Read the name of a time zone."""
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise BadSettingError(name, f"expected a time zone such as Europe/Moscow, got {value!r}.") from None
        return value

    def secret(self, name: str, default: str = "") -> str:
        """Read a secret from NAME, or from the file that NAME_FILE points at."""
        path = self.text(f"{name}_FILE")
        if not path:
            return self.text(name, default)
        if self.given(name):
            raise BadSettingError(name, f"set either {name} or {name}_FILE, not both.")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise BadSettingError(f"{name}_FILE", f"the file {path!r} cannot be read.") from None
