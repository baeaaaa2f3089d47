"""What beat asks of automation: what is due?"""

from __future__ import annotations

from celery import shared_task

from automation import by_clock, engine
from crm import scope


@shared_task(name="automation.tasks.run_due")
def run_due() -> int:
    """Carry out the runs that are due."""
    with scope.opened():
        by_clock.plan_by_clock()
        return engine.run_due()


@shared_task(name="automation.tasks.plan_inactive")
def plan_inactive() -> int:
    """Plan what rules do where nothing has happened for long, and where an invoice was not paid."""
    with scope.opened():
        return engine.plan_inactive() + engine.plan_overdue()
