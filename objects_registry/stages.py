"""The shipped pipeline of construction objects; moved by the deals tied to them."""

from __future__ import annotations

from crm.models import RecordType
from crm.pipelines import PipelineSpec, StageSpec

PIPELINES = (
    PipelineSpec(
        "object",
        RecordType.OBJECT,
        "Объекты",
        "Objects",
        (
            StageSpec("planned", "Планируется", "Planned", is_start=True, colour="azure"),
            StageSpec("estimating", "Расчёт", "Estimating", colour="blue"),
            StageSpec("contracted", "Законтрактован", "Contracted", colour="purple"),
            StageSpec("building", "Строится", "Building", colour="orange", can_win=True),
            StageSpec("completed", "Сдан", "Completed", kind="success", colour="green"),
            StageSpec(
                "cancelled",
                "Отменён",
                "Cancelled",
                kind="failure",
                colour="red",
                reasons=(("Клиент отменил строительство", "The client cancelled the construction"),
                         ("Построил другой поставщик", "Built by another supplier")),
            ),
            StageSpec("merged", "Объединён с другим", "Merged with another", kind="failure", colour="gray"),
        ),
        order=50,
    ),
)  # fmt: skip
