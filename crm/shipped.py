"""What the kernel ships as data: the pipelines of contacts and companies."""

from __future__ import annotations

from crm.models import RecordType
from crm.pipelines import PipelineSpec, StageSpec

CLIENT_STAGES = (
    StageSpec("prospect", "Потенциальный", "Prospect", is_start=True, colour="azure", can_win=True),
    StageSpec("in_work", "В работе", "In work", colour="blue", can_win=True),
    StageSpec("client", "Клиент", "Client", kind="success", colour="green"),
    StageSpec("regular", "Постоянный клиент", "Regular client", kind="success", colour="teal"),
    StageSpec("dormant", "Неактивный", "Dormant", kind="neutral", colour="gray"),
    StageSpec(
        "excluded",
        "В исключениях",
        "Excluded",
        kind="failure",
        colour="red",
        reasons=(("Спам или реклама", "Spam or advertising"), ("Просил не беспокоить", "Asked not to be contacted"),
                 ("Другое", "Other")),
    ),
)  # fmt: skip

PIPELINES = (
    PipelineSpec("contact", RecordType.CONTACT, "Контакты", "Contacts", CLIENT_STAGES, order=30),
    PipelineSpec("company", RecordType.COMPANY, "Компании", "Companies", CLIENT_STAGES, order=40),
)
