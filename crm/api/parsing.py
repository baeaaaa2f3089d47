"""Reading JSON that strangers send: whatever cannot be stored or answered is refused as malformed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from json import JSONDecodeError
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

# An escape of half a character: JSON allows it, no database and no answer can carry it.
HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
TOO_DEEP = 20


class StrictJSONParser(JSONParser):
    """JSON without NaN and Infinity (the framework's own rule), half characters and bottomless nesting."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The value that was sent; ParseError when there is none."""
        try:
            value = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deeply.")) from error
        except ParseError as error:
            raise ParseError(_said(error.__context__)) from error
        check_value(value)
        return value


def _said(cause: BaseException | None) -> str:
    """Where the JSON ends being one, in the reader's language: the framework says it in English alone."""
    if isinstance(cause, JSONDecodeError):
        return _("The body is no JSON: line %(line)s, column %(column)s.") % {
            "line": cause.lineno,
            "column": cause.colno,
        }
    return _("The body is no JSON.")


def check_value(value: Any, depth: int = 0) -> None:
    """Refuse half characters in texts and names, and nesting beyond what any call needs."""
    if depth > TOO_DEEP:
        raise ParseError(_("The JSON is nested too deeply."))
    if isinstance(value, str):
        if HALF_CHARACTER.search(value):
            raise ParseError(_("The JSON holds a broken character."))
    elif isinstance(value, dict):
        for name, item in value.items():
            check_value(name, depth + 1)
            check_value(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_value(item, depth + 1)
