"""How the product logs: one JSON object per line, or plain lines for a person at a terminal."""

import re
from typing import Any

import structlog

# What opens a door to whoever reads the log: links of letters, API tokens, addresses of calendars.
SECRETS = re.compile(
    r"(?P<before>/accounts/invitation/|/password/reset/key/|/calendar/feed/|\bcrm_|\bBearer\s+)[\w:.=~+-]{12,}",
    re.IGNORECASE,
)


def without_secrets(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    """Black secrets out of every text of a line."""
    for name, value in line.items():
        if isinstance(value, str) and SECRETS.search(value):
            line[name] = SECRETS.sub(r"\g<before>…", value)
    return line


SHARED_STEPS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    without_secrets,
]
RENDERERS: dict[str, list[Any]] = {
    "json": [
        structlog.processors.format_exc_info,
        without_secrets,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ],
    # The plain form of tracebacks: the pretty one prints local variables, and with them what people typed.
    "console": [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)],
}


def logging_config(*, form: str, level: str) -> dict[str, Any]:
    """Build Django's LOGGING, in which the lines of all libraries take the same way as our own."""
    structlog.configure(
        processors=[*SHARED_STEPS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    steps = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *RENDERERS[form]]
    own = {"handlers": [], "level": level, "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED_STEPS,
                "processors": steps,
            },
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": own,
            "django.server": own,
            # A tick every few seconds is not news.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }
