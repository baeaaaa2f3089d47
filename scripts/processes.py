"""The commands of the product's processes: one list for the launcher here and for docker-compose.yml.

A test compares the two, so what runs on a laptop is what runs in production.
"""


def web(*, host: str, port: str, workers: str) -> list[str]:
    """The web server. Without respawning, one dead worker would end the whole server."""
    return [
        *("granian", "--interface", "wsgi", "--no-ws"),
        *("--host", host, "--port", port),
        *("--workers", workers, "--blocking-threads", "2"),
        *("--respawn-failed-workers", "--workers-kill-timeout", "10"),
        "crm.wsgi:application",
    ]


def worker() -> list[str]:
    """The Celery worker; how many processes it has is a setting."""
    return ["celery", "-A", "crm", "worker", "--without-mingle", "--without-gossip", "--loglevel", "INFO"]


def beat() -> list[str]:
    """The clockwork: exactly one per installation. No pid file, for a stale one would stop its start."""
    return ["celery", "-A", "crm", "beat", "--pidfile=", "--loglevel", "INFO"]
