"""Teams in the API: name, whether their people see each other's records, who is in them; kept by administrators."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Team, User
from accounts.selectors import manageable_users
from crm import people_services
from crm.api.catalogues import CatalogueViewSet, described
from crm.api.filtering import refuse_unknown
from crm.api.serializers import RecordInput, Reference
from crm.views.catalogues import TEAMS


class TeamOutput(serializers.ModelSerializer[Team]):
    """A team with the numbers of its people."""

    members = serializers.SerializerMethodField()

    class Meta:
        model = Team
        fields = ("id", "name", "members_see_each_other", "members")
        read_only_fields = fields

    def get_members(self, team: Team) -> list[int]:
        return sorted(user.pk for user in team.members.all())


def _colleagues(user: User) -> Any:
    return manageable_users(user).filter(partner__isnull=True)


class TeamInput(RecordInput):
    """A team; `members` are all of its people: who is not named leaves it."""

    members = serializers.ListField(
        child=Reference(queryset=_colleagues), required=False, max_length=500,
        help_text=gettext_lazy("All of its people by number; somebody of another team comes over."),
    )  # fmt: skip

    class Meta:
        model = Team
        fields = ("name", "members_see_each_other", "members")


@described(gettext_lazy("Teams of sales people; for administrators."), TeamInput, TeamOutput)
@extend_schema_view(retrieve=extend_schema(summary=gettext_lazy("Read a team"), responses=TeamOutput))
class TeamViewSet(CatalogueViewSet):
    """The teams: their sharing decides what a sales manager sees of the others' records."""

    queryset = Team.objects.none()
    serializer_class = TeamOutput
    catalogue = TEAMS
    input_class = TeamInput
    lookup_value_regex = r"[0-9]{1,18}"

    def get_queryset(self) -> Any:
        """All teams with their people."""
        return super().get_queryset().prefetch_related("members")

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One team."""
        refuse_unknown(request, set())
        return self._shown(self.get_object())

    def _save(self, row: Any, data: dict[str, Any]) -> None:
        people_services.team_save(row, by=self.actor, data=data)
