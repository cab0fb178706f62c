"""How old each source's data is, as JSON: what the freshness line of every page says."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from b2b_orders.api.views.base import ViewerApiRequest, checked
from b2b_orders.common.errors import NotAllowed
from b2b_orders.ingest.queries import list_source_states


class NothingInput(serializers.Serializer[Any]):
    """No parameter: the answer is the same for everybody."""


class SourcesView(APIView):
    """`state` is ok, down or never (answered); `as_of` is when the source last answered."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: ViewerApiRequest) -> Response:
        if request.viewer is None and request.staff is None:
            raise NotAllowed
        checked(NothingInput, request)
        return Response({"results": [asdict(state) for state in list_source_states()]})
