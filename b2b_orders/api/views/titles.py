"""What a company has to pay as JSON: with the filters of the finance page."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.response import Response

from b2b_orders.api.serializers import TitleLineOutput, sums_output
from b2b_orders.api.views.base import CompanyInput, CompanyView, ViewerApiRequest, checked
from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Right
from b2b_orders.documents.hidden_lines import titles_as_shown
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.titles import Group, Sort, TitleFilter, list_titles, sum_titles


class TitlesInput(CompanyInput):
    """`to` is not before `from`. A cursor goes with the filter and order that it came from."""

    state = serializers.ChoiceField(
        choices=[group.value for group in Group], default=Group.TO_PAY.value
    )
    to = serializers.DateField(required=False)
    establishment = serializers.CharField(required=False, max_length=20)
    number = serializers.CharField(required=False, max_length=80)
    sort = serializers.ChoiceField(choices=[sort.value for sort in Sort], default=Sort.DUE.value)
    after = serializers.CharField(required=False, max_length=200)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100, default=25)

    def get_fields(self) -> dict[str, Any]:
        """Add the parameter whose name is a word of Python."""
        return {**super().get_fields(), "from": serializers.DateField(required=False)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        if "from" in attrs and "to" in attrs and attrs["from"] > attrs["to"]:
            raise serializers.ValidationError({"to": [_("This date is before the first one.")]})
        return attrs


class TitlesView(CompanyView):
    """A page of titles, and what all of the filter come to. Without the right, nothing."""

    def get(self, request: ViewerApiRequest) -> Response:
        viewer = self.viewer(request)
        if not viewer.can(Right.FINANCE):
            raise NotVisible
        asked = checked(TitlesInput, request)
        wanted = TitleFilter(
            group=Group(asked["state"]),
            due_from=asked.get("from"),
            due_to=asked.get("to"),
            tax_id=asked.get("establishment", ""),
            number=asked.get("number", ""),
            sort=Sort(asked["sort"]),
        )
        now = clock.now()
        today = timezone.localdate(now)
        page = list_titles(
            viewer=viewer,
            wanted=wanted,
            today=today,
            after=asked.get("after"),
            limit=asked["limit"],
        )
        shown = titles_as_shown(viewer=viewer, titles=page.rows)
        summary = sum_titles(viewer=viewer, wanted=wanted, today=today)
        return Response(
            {
                "results": TitleLineOutput(shown, many=True).data,
                "next": page.next,
                "totals": {group.value: sums_output(summary.of(group)) for group in Group},
                "sources": [
                    {
                        "connection": state.connection,
                        "as_of": serializers.DateTimeField().to_representation(state.as_of)
                        if state.as_of
                        else None,
                        "state": state.state,
                    }
                    for state in list_source_states()
                ],
            }
        )
