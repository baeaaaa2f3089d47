"""What beat asks of the kernel: take up events that were left, and the work of the night."""

from __future__ import annotations

from celery import shared_task

from crm import events, jobs, nightly, scope


@shared_task(name="crm.tasks.dispatch_events")
def dispatch_events() -> int:
    """Run the handlers of events whose process died or whose handler failed."""
    with scope.opened():
        return events.dispatch_due()


@shared_task(name="crm.tasks.nightly")
def run_nightly() -> dict[str, int]:
    """Everything that apps want done once a day."""
    with scope.opened():
        return nightly.run_all()


@shared_task(name="crm.tasks.scan_duplicates")
def scan_duplicates() -> int:
    """Run searches for duplicates that were asked for, or that a killed worker left."""
    from crm import duplicate_scan

    with scope.opened():
        return duplicate_scan.scan_due()


@shared_task(name="crm.tasks.run_list_jobs")
def run_list_jobs() -> int:
    """Jobs over lists that wait for a worker, and those whose worker died."""
    return jobs.run_due()
