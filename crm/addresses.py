"""The addresses of other servers: database, broker and mail, read from their URLs."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ

from crm.env import DATABASE_SCHEMES, EMAIL_SCHEMES, REDIS_SCHEMES, BadSettingError, Env, check_url

# IMMEDIATE takes the write lock at the start of a transaction, so a read-then-write never fails half way.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA temp_store=MEMORY;"
        "PRAGMA mmap_size=134217728;PRAGMA cache_size=-20000;PRAGMA journal_size_limit=67108864;"
    ),
}


def database(env: Env, var_dir: Path, *, pool_size: int, web: bool = False) -> dict[str, Any]:
    """Build the database settings from DATABASE_URL, for the `web` WEB_DATABASE_URL; SQLite when there is none."""
    name = "WEB_DATABASE_URL" if web else "DATABASE_URL"
    given = env.secret("WEB_DATABASE_URL") if web else env.secret("DATABASE_URL")
    url = check_url(name, given or f"sqlite:///{var_dir / 'db.sqlite3'}", DATABASE_SCHEMES)
    config: dict[str, Any] = dict(environ.Env.db_url_config(url))
    if not config.get("NAME"):
        raise BadSettingError(name, "names no database, as postgresql://user:password@host:5432/crm does.")
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.sqlite3":
        folder = Path(config["NAME"]).parent
        if folder == var_dir:
            folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            raise BadSettingError("DATABASE_URL", f"the folder {str(folder)!r} does not exist.")
        config["OPTIONS"] = SQLITE_OPTIONS | options
        return config
    if "host" in options:
        # A socket folder is given as ?host=/run/postgresql, where libpq's URLs have it too.
        config["HOST"] = options.pop("host")
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    # The pool keeps connections; Django must not keep them a second time.
    return config | {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}


def web_login(env: Env) -> tuple[str, str]:
    """Login and password of WEB_DATABASE_URL, by which the web process connects; empty when there is none."""
    name = "WEB_DATABASE_URL"
    url = env.secret("WEB_DATABASE_URL")
    if not url:
        return "", ""
    parts = urlsplit(check_url(name, url, ("postgres", "postgresql")))
    login = parts.username or ""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", login):
        raise BadSettingError(name, "its login must be of lower-case letters, digits and _, as crm_web.")
    return login, unquote(parts.password or "")


def redis_url(env: Env, default: str) -> str:
    """Read REDIS_URL: cache, rate limits and, unless told otherwise, the broker."""
    return check_url("REDIS_URL", env.secret("REDIS_URL") or default, REDIS_SCHEMES)


def broker_url(env: Env, redis: str) -> str:
    """Derive the broker's address from Redis' unless CELERY_BROKER_URL names one."""
    given = env.secret("CELERY_BROKER_URL")
    if given:
        return check_url("CELERY_BROKER_URL", given, ("redis", "rediss", "redis+socket"))
    return redis.replace("unix://", "redis+socket://", 1)


def mail(env: Env, default: str) -> dict[str, Any]:
    """Build Django's mail settings from EMAIL_URL."""
    url = check_url("EMAIL_URL", env.secret("EMAIL_URL") or default, EMAIL_SCHEMES)
    config = environ.Env.email_url_config(url)
    if config["EMAIL_BACKEND"].endswith("filebased.EmailBackend"):
        config["EMAIL_FILE_PATH"] = f"/{config['EMAIL_FILE_PATH'].lstrip('/')}"
    return {
        "EMAIL_BACKEND": config["EMAIL_BACKEND"],
        "EMAIL_HOST": config.get("EMAIL_HOST") or "localhost",
        "EMAIL_PORT": config.get("EMAIL_PORT") or 25,
        "EMAIL_HOST_USER": config.get("EMAIL_HOST_USER") or "",
        "EMAIL_HOST_PASSWORD": config.get("EMAIL_HOST_PASSWORD") or "",
        "EMAIL_USE_TLS": config.get("EMAIL_USE_TLS", False),
        "EMAIL_USE_SSL": config.get("EMAIL_USE_SSL", False),
        "EMAIL_FILE_PATH": config.get("EMAIL_FILE_PATH") or None,
    }
