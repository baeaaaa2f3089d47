"""The same action over up to a thousand records in one call: what can be done is done, each row has its answer."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_fsm import ConcurrentTransition
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from crm import bulk, jobs, services, stages
from crm.api.actions import _refusal_values
from crm.api.found import FoundActions
from crm.api.many import ManyInput
from crm.api.merging import Key
from crm.errors import DomainError
from crm.stages import Refusal

MOST = 1000


class BulkRefused(DomainError):
    """A call that was to be done as a whole or not at all, and of which some rows were refused."""

    code = "bulk_refused"


class BulkInput(ManyInput):
    """What to do with which records; each action takes the fields of the single one."""

    ids = serializers.ListField(child=Key(), min_length=1, max_length=MOST)
    atomic = serializers.BooleanField(
        default=False, help_text=gettext_lazy("All or nothing: one refused row undoes the others.")
    )


class BulkRow(serializers.Serializer[Any]):
    """What came of one record."""

    id = serializers.IntegerField()
    ok = serializers.BooleanField()
    code = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    errors = serializers.ListField(child=serializers.JSONField())  # type: ignore[assignment]


class BulkOutput(serializers.Serializer[Any]):
    """How many were done, and the answer of each row in the order of the call; `job` can be taken back for a day."""

    job = serializers.IntegerField(
        allow_null=True,
        help_text=gettext_lazy("POST /jobs/{id}/undo/ takes the call back; null where nothing was done."),
    )
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = BulkRow(many=True)


class BulkActions(FoundActions):
    """One action over many records."""

    @extend_schema(summary=gettext_lazy("One action over many records"), request=BulkInput, responses=BulkOutput)
    @action(detail=False, methods=["post"])
    def bulk(self, request: Request, **kwargs: Any) -> Response:
        """Assign, move, tag or delete up to a thousand records; with `atomic` all of them or none."""
        wish = self.read(BulkInput)
        with transaction.atomic():
            results = [self._row(pk, wish) for pk in dict.fromkeys(wish["ids"])]
            failed = [row for row in results if not row["ok"]]
            if failed and wish["atomic"]:
                raise BulkRefused(
                    _("Nothing was done: %(count)s of the records were refused.") % {"count": len(failed)},
                    errors=[
                        {
                            "pointer": f"/ids/{wish['ids'].index(row['id'])}",
                            "code": row["code"],
                            "message": row["message"],
                        }
                        for row in failed
                    ],
                )
            job = self._keep(wish, results) if len(failed) < len(results) else None
        body = {"job": job, "done": len(results) - len(failed), "failed": len(failed), "results": results}
        return Response(BulkOutput(body).data)

    def _keep(self, wish: dict[str, Any], results: list[dict[str, Any]]) -> int:
        """The finished job that stands for the call, with what it takes to undo each row."""
        kept = jobs.job_keep(
            by=self.caller,
            kind=wish["action"],
            record_type=self.record_type,
            params={name: wish[name] for name in ("to", "map", "add", "remove", "reason") if wish.get(name)},
            done=sum(row["ok"] for row in results),
            back=[
                [self.record_type, row["id"], row["back"]] for row in results if row["ok"] and row["back"] is not None
            ],
            failed=[[self.record_type, row["id"], row["message"]] for row in results if not row["ok"]],
            token_name=jobs.token_name(self.actor),
        )
        return int(kept.pk)

    def _row(self, pk: int, wish: dict[str, Any]) -> dict[str, Any]:
        """One record in a savepoint of its own."""
        row: dict[str, Any] = {"id": pk, "ok": False, "code": "", "message": "", "errors": [], "back": None}
        # What looks a record up looks for the one that the address names.
        self.kwargs["pk"] = str(pk)
        try:
            with transaction.atomic():
                row["back"] = self._act(self.locked(pk), wish)
        except DomainError as error:
            return row | {"code": error.code, "message": error.message, "errors": error.errors}
        except ConcurrentTransition:
            return row | {"code": "conflict", "message": _("Another person changed it meanwhile.")}
        except BadRequest as error:
            return row | {"code": "invalid", "message": str(error.detail)[:500]}
        except PermissionDenied as error:
            return row | {"code": "permission_denied", "message": str(error)}
        except Http404:
            return row | {"code": "not_found", "message": _("There is no such record, or you may not see it.")}
        return row | {"ok": True}

    def _act(self, record: Any, wish: dict[str, Any]) -> Any:
        """Do it; answers what it takes to undo it, as the actions of the lists do (None: nothing to undo)."""
        match wish["action"]:
            case "assign":
                former = record.responsible_id
                services.record_assign(
                    record, responsible=wish["responsible"], by=self.actor, reason=wish.get("reason", "")
                )
                return [former, record.responsible_id] if former != record.responsible_id else None
            case "move":
                before, former = record.stage, record.responsible_id
                refusal = Refusal(**_refusal_values(wish["refusal"])) if "refusal" in wish else None
                stages.move(
                    record,
                    wish["to"],
                    by=self.actor,
                    data=self._move_data(record, wish),
                    reason=wish.get("reason", ""),
                    refusal=refusal,
                )
                return bulk.way_back(record, before, former)
            case "direction":
                before, former = record.stage, record.responsible_id
                target = bulk.direction_target(record, wish).key
                data = self._move_data(record, {**wish, "to": target})
                reason = wish.get("reason", "")
                stages.move(record, target, by=self.actor, data=data, reason=reason, may_switch=True)
                return bulk.way_back(record, before, former)
        return bulk.ACTIONS[wish["action"]](record, self.actor, wish)
