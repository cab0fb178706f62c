"""What every view of the API shares: a viewer, and strict parameters."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer, UUIDField
from rest_framework.views import APIView

from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.companies.access import Actor, StaffViewer, Viewer


class ViewerApiRequest(Request):
    """A request as views of the API get it: DRF hands on what the middleware set."""

    viewer: Viewer | None
    staff: StaffViewer | None
    actor: Actor
    refused_company: str


class CompanyInput(Serializer[Any]):
    """`company` names one of the person's companies, or the one that staff act for."""

    company = UUIDField(required=False)


class CompanyView(APIView):
    """A view of one company's things. `http_method_names` is what the API offers: reading."""

    http_method_names = ["get", "head", "options"]

    def viewer(self, request: ViewerApiRequest) -> Viewer:
        """Return who looks; refuses alike a company that is not theirs and one that is none."""
        if request.refused_company:
            raise NotVisible
        if request.viewer is not None:
            return request.viewer
        if request.staff is not None:
            raise InvalidInput("company", _("Name the company that you act for."))
        raise NotAllowed


def checked(
    serializer: type[Serializer[Any]], request: Request, *, besides: Collection[str] = ()
) -> dict[str, Any]:
    """Return the parameters of a request; unknown ones are refused, never ignored.

    `besides` are names that the view reads by itself.
    """
    bound = serializer(data=request.query_params.dict())
    unknown = sorted(set(request.query_params) - set(bound.fields) - set(besides))
    if unknown:
        raise ValidationError({name[:40]: [_("There is no such parameter.")] for name in unknown})
    bound.is_valid(raise_exception=True)
    return dict(bound.validated_data)
