"""What a channel understood of a request, in one form for all channels; apps above make their records from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from crm.attribution import Touch
from crm.models import Channel


@dataclass(frozen=True)
class LeadRequest:
    """A request that came in (LEAD-1): who, what, where, how large, and what told them of us.

    `phones` and `emails` are texts as typed; `source` is the code used when no mark tells the source; `files` are
    uploads as Django has them; `problems` say what was not understood or not kept, as rows of pointer, code, message.
    """

    name: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    company_name: str = ""
    inn: str = ""
    text: str = ""
    address: str = ""
    city: str = ""
    region: str = ""
    purpose: str = ""
    length: Decimal | None = None
    width: Decimal | None = None
    height: Decimal | None = None
    area: Decimal | None = None
    construction_start: date | None = None
    amount: Decimal | None = None
    touch: Touch | None = None
    channel: str = Channel.FORM
    source: str = ""
    responsible: Any = None
    consent: bool = False
    despite_exclusion: bool = False  # a person has looked at it and wants a lead all the same
    files: tuple[Any, ...] = ()
    problems: tuple[dict[str, str], ...] = ()
