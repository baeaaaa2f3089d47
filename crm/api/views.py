"""What all resources of the API do alike: who calls, doing a call once, versions, finding rows, answering."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import identity
from accounts.models import ApiToken, User
from crm import stages
from crm.actors import Actor
from crm.api import idempotency
from crm.api.duplicates import known_before
from crm.api.filtering import refuse_unknown
from crm.api.parsing import StrictJSONParser
from crm.api.serializers import RecordOutput
from crm.contact_points import OWNERS
from crm.errors import DomainError
from crm.models import ActorKind, ContactPoint, Pipeline, StagedRecord
from crm.querysets import Action
from crm.visibility import refusal


class PreconditionFailed(DomainError):
    """The record has moved on from the version that the caller saw."""

    code = "version_differs"
    status = 412
    title = gettext_lazy("The record was changed meanwhile")


class ApiViewSet(GenericViewSet[Any]):
    """A resource: calls with an Idempotency-Key are done once, answers are in the language of the caller."""

    parser_classes = (StrictJSONParser, FormParser, MultiPartParser)
    lookup_value_regex = r"[0-9]{1,18}"
    # The description of the API says what there is; OPTIONS would say less and ask more.
    metadata_class = None
    filterset_class: Any = None
    ordering_fields: tuple[str, ...] = ("id",)
    default_ordering = "-id"
    extra_parameters: tuple[str, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the caller in, take over the language, and wrap a POST that carries a key."""
        super().initial(request, *args, **kwargs)
        user = request.user
        if isinstance(user, User) and isinstance(request.auth, ApiToken):
            with suppress(ZoneInfoNotFoundError, ValueError):
                timezone.activate(user.time_zone)
            if "Accept-Language" not in request.headers:
                translation.activate(user.language)
        if request.method == "POST" and (key := idempotency.key_of(request)):
            # The framework looks the handler up after this method, so the wrapper is what it finds.
            handler = getattr(self, "post", self.http_method_not_allowed)
            self.post = partial(self._once, key, handler)

    def _once(
        self, key: str, handler: Callable[..., Response], request: Request, /, *args: Any, **kwargs: Any
    ) -> Response:
        # By place alone: an address may have a `key` of its own.
        return idempotency.once(request, key, partial(handler, request, *args, **kwargs))

    def get_throttles(self) -> list[Any]:
        """Kept, so that the answer can tell what is left of the budget."""
        self.throttles: list[Any] = super().get_throttles()
        return self.throttles

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Tell how many calls are left in this minute."""
        for throttle in getattr(self, "throttles", ()):
            if (used := getattr(throttle, "history", None)) is not None:
                response["RateLimit-Limit"] = str(throttle.num_requests)
                response["RateLimit-Remaining"] = str(max(0, throttle.num_requests - len(used)))
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def caller(self) -> User:
        """The person, or the owner of the token; nobody else gets past the permissions."""
        user: Any = self.request.user
        return user  # type: ignore[no-any-return]

    @property
    def actor(self) -> Actor:
        """Who makes the change, as the audit trail keeps it: the person, or their token by its name."""
        user, token = self.caller, self.request.auth
        if isinstance(token, ApiToken):
            return Actor(ActorKind.TOKEN, user, f"{user.short_name} · {token.name}"[:150])
        return Actor.of(user)

    def read(self, serializer_class: Any, **options: Any) -> dict[str, Any]:
        """The checked body of the call; ValidationError names what is wrong with it."""
        context = self.get_serializer_context()
        body = serializer_class(data=self.request.data, context=context, **options)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def page_of(self, rows: Any) -> Response:
        """A page of rows as the resource shows them."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def answer(self, render: Callable[[], Any], status: int = 200) -> Response:
        """An answer that can be rendered anew after the commit, when rules may have changed the record."""
        response = Response(render(), status=status)
        response.render_again = render  # type: ignore[attr-defined]
        return response


class RecordViewSet(ApiViewSet):
    """List, read, create and change one kind of record; its actions are in crm.api.actions and in the apps."""

    record_type: str
    model: type[StagedRecord]
    output_class: type[RecordOutput]
    input_class: type[Any]
    related: tuple[str, ...] = ()
    with_many: tuple[str, ...] = ()
    expandable: tuple[str, ...] = ("responsible",)
    ordering_fields: tuple[str, ...] = ("created_at", "updated_at", "stage_entered_at", "last_activity_at", "id")
    default_ordering = "-created_at"
    extra_parameters = ("fields", "expand")

    # -- rows ---------------------------------------------------------------------------------------------------------

    def get_queryset(self) -> QuerySet[Any]:
        """The living rows in the caller's sight (ACC-1)."""
        rows = self.model._default_manager.visible_to(self.request.user).alive()  # type: ignore[attr-defined]
        return self._with_parts(rows)

    def _with_parts(self, rows: Any) -> Any:
        """With what an answer shows beside the row itself."""
        chosen = self._chosen("fields", self.output_class.Meta.fields)  # type: ignore[attr-defined]
        many = [name for name in self.with_many if not chosen or name in chosen]
        return rows.select_related(*self.related, *self._chosen("expand", self.expandable)).prefetch_related(*many)

    def get_object(self) -> Any:
        """The record that the address names; a 404 when it is not there for the caller."""
        record = self.get_queryset().filter(pk=int(self.kwargs["pk"])).first()
        if record is None:
            raise Http404
        return record

    def locked(self, pk: Any = None, *, action: Action = "change") -> Any:
        """The record, locked for a change (or a comment, a move): 404 out of sight, 403 with the reason when it may
        only be seen, 412 at another version.
        """
        key = int(self.kwargs["pk"] if pk is None else pk)
        rows = self.model._default_manager.visible_to(self.request.user, action)  # type: ignore[attr-defined]
        record = rows.alive().select_for_update(of=("self",)).filter(pk=key).first()
        if record is None:
            raise PermissionDenied(refusal(self.get_object(), self.caller))
        if (given := self.request.headers.get("If-Match")) and not _matches(given, record):
            raise PreconditionFailed(
                _("«%(record)s» is at version %(version)s now: read it again.")
                % {"record": record, "version": record.version}
            )
        return record

    # -- answers ------------------------------------------------------------------------------------------------------

    def get_serializer_class(self) -> Any:
        """What answers are made of."""
        return self.output_class

    def get_serializer_context(self) -> dict[str, Any]:
        """With what was asked for by `?fields=` and `?expand=`."""
        context: dict[str, Any] = dict(super().get_serializer_context())
        names = self.output_class.Meta.fields  # type: ignore[attr-defined]
        chosen = self._chosen("fields", names)
        return {**context, "fields": set(chosen) if chosen else None, "expand": self._chosen("expand", self.expandable)}

    def render_rows(self, rows: Iterable[Any]) -> Any:
        """Rows as the API shows them, with what hangs on them read at once."""
        page = list(rows)
        context = {**self.get_serializer_context()}
        context |= {"points": self._points(page), "in_sight": partial(self._in_sight, page, {})}
        return self.output_class(page, many=True, context=context).data

    def show(self, pk: int, status: int = 200, told: Mapping[str, Any] | None = None) -> Response:
        """One record as the API shows it, with its version as ETag; `told` is what the answer says besides.

        It is read past the caller's sight: a record that the rules have just handed to somebody else is still
        shown once to the one who made or moved it.
        """

        def render() -> Any:
            with identity.as_system():
                row = self.render_rows(self._with_parts(self.model._default_manager.filter(pk=pk)))[0]
            return {**row, **told} if told else row

        return self.answer(render, status)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Tell the version of a record that stands alone in the answer."""
        data = getattr(response, "data", None)
        if isinstance(data, dict) and isinstance(data.get("version"), int) and response.status_code < 300:
            response["ETag"] = f'"{data["version"]}"'
        return super().finalize_response(request, response, *args, **kwargs)

    def _chosen(self, parameter: str, offered: Iterable[str]) -> tuple[str, ...]:
        text = self.request.query_params.get(parameter, "") if getattr(self, "request", None) else ""
        names = tuple(name.strip() for name in text.split(",") if name.strip())
        if unknown := set(names) - set(offered):
            message = _("Choose among: %(names)s.") % {"names": ", ".join(offered)}
            raise BadRequest({parameter: [f"{', '.join(sorted(unknown))[:100]}. {message}"]})
        return names

    def _points(self, page: list[Any]) -> dict[int, list[ContactPoint]]:
        if self.record_type not in OWNERS:
            return {}
        points: dict[int, list[ContactPoint]] = {}
        rows = ContactPoint.objects.filter(record_type=self.record_type, record_id__in=[record.pk for record in page])
        for point in rows:
            points.setdefault(point.record_id, []).append(point)
        return points

    def _in_sight(self, page: list[Any], memo: dict[str, set[int]], path: str) -> set[int]:
        """The ids among a page's references that the caller may see; `path` is "field=app.Model"."""
        if path not in memo:
            field, label = path.split("=")
            model: Any = apps.get_model(label)
            ids = {pk for record in page if (pk := getattr(record, f"{field}_id")) is not None}
            rows = model._default_manager.visible_to(self.request.user).filter(pk__in=ids)
            memo[path] = set(rows.values_list("pk", flat=True)) if ids else set()
        return memo[path]

    # -- list, read, create, change -----------------------------------------------------------------------------------

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of the records in the caller's sight."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.render_rows(page or []))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One record; the address of one that was merged leads to the main one."""
        refuse_unknown(request, set(self.extra_parameters))
        if main := self._merged_into(int(kwargs["pk"])):
            address = request.path.replace(f"/{int(kwargs['pk'])}/", f"/{main}/")
            return Response(status=308, headers={"Location": address})
        return Response(self.render_rows([self.get_object()])[0])

    def _merged_into(self, pk: int) -> int | None:
        rows = self.model._default_manager.visible_to(self.request.user)  # type: ignore[attr-defined]
        main: int | None = None
        while pk and (found := rows.filter(pk=pk).values_list("merged_into_id", flat=True).first()):
            main = pk = found
        return main

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a record by the kind's own service, as the forms of the interface do."""
        data = self.read(self.input_class)
        pipeline = self.pipeline_for(data.pop("pipeline", ""))
        columns: dict[str, Any] = {"partner": self.caller.partner} if pipeline.is_partner else {}
        told = known_before(request, self.record_type, data, self.caller)
        record = self.perform_create(data, pipeline.code, columns)
        return self.show(record.pk, 201, told)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the fields that are sent; the others stay."""
        data = self.read(self.input_class, partial=True)
        if named := [name for name in ("pipeline", "responsible") if name in data]:
            text = _("This has an action of its own: move, assign.")
            raise BadRequest({name: [text] for name in named}, code="read_only")
        with transaction.atomic():
            record = self.locked()
            self.perform_update(record, data)
        return self.show(record.pk)

    def own(self) -> User | None:
        """The caller, where people of that role work at what they make."""
        user = self.caller
        return user if user.role in {"sales_manager", "sales_head", "partner"} else None

    def perform_create(self, data: dict[str, Any], pipeline: str, columns: dict[str, Any]) -> Any:
        """Call the kind's service for making one."""
        raise NotImplementedError

    def perform_update(self, record: Any, data: dict[str, Any]) -> None:
        """Call the kind's service for changing one."""
        raise NotImplementedError

    def pipeline_for(self, code: str) -> Pipeline:
        """The pipeline named, or the first of those in which the caller makes such records."""
        offered = creatable_pipelines(self.record_type, self.request.user)
        if not offered:
            raise PermissionDenied(_("You do not make records of this kind."))
        if not code:
            return offered[0]
        for pipeline in offered:
            if pipeline.code == code:
                return pipeline
        text = _("Choose among: %(names)s.") % {"names": ", ".join(p.code for p in offered)}
        raise BadRequest({"pipeline": [text]})


def creatable_pipelines(record_type: str, user: Any) -> list[Pipeline]:
    """In which pipelines the caller makes records of a kind: managers the company's, partners their own.

    Records in partner pipelines are otherwise made by handing over.
    """
    role = user.role
    if role == "partner_control" or (role == "call_center" and record_type != "lead"):
        return []
    return [p for p in stages.visible_pipelines(record_type, user) if p.is_partner == user.is_partner]


def _matches(given: str, record: StagedRecord) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return "*" in tags or f'"{record.version}"' in tags
