"""A document of an order, byte for byte, under the rules of the page."""

from __future__ import annotations

import uuid

from django.http import FileResponse
from django.utils.translation import gettext_lazy as lazy
from rest_framework.exceptions import APIException
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from b2b_orders.api.views.base import CompanyInput, CompanyView, ViewerApiRequest, checked
from b2b_orders.common import clock
from b2b_orders.common.files import file_response
from b2b_orders.documents.archive_words import name_to_save
from b2b_orders.documents.rendering import BEING_MADE
from b2b_orders.documents.services import DocumentUnavailable, open_download
from b2b_orders.ingest.documents_source import ConnectionDocuments


class DocumentNotNow(APIException):
    """The source does not hand it out, or it is not there yet. Not a 5xx: those undo writing."""

    status_code = 424
    default_code = "document-unavailable"
    default_detail = lazy("The source did not hand out this file.")


class DocumentView(CompanyView):
    """One file as issued. `X-Document-Checked: no` marks a paper to pay that may be paid by now.

    A page of ours that is not made yet answers 202, and when to ask again.
    """

    http_method_names = ["get", "options"]

    def perform_content_negotiation(
        self,
        request: Request,  # noqa: ARG002 DRF's signature
        force: bool = False,  # noqa: ARG002, FBT001, FBT002 DRF's signature
    ) -> tuple[BaseRenderer, str]:
        """Answer whatever kind the caller asks for; errors are JSON."""
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type or ""

    def get(
        self,
        request: ViewerApiRequest,
        order: uuid.UUID,  # noqa: ARG002 it names the place, the document's id decides
        public_id: uuid.UUID,
    ) -> FileResponse | Response:
        viewer = self.viewer(request)
        checked(CompanyInput, request)
        try:
            taken = open_download(
                viewer=viewer,
                actor=request.actor,
                public_id=public_id,
                source=ConnectionDocuments(),
                now=clock.now(),
                about={"how": "api"},
            )
        except DocumentUnavailable as error:
            if error.reason == BEING_MADE:
                return Response({"state": BEING_MADE}, status=202, headers={"Retry-After": "3"})
            raise DocumentNotNow from error
        response = file_response(
            taken.open(),
            filename=name_to_save(taken),
            content_type=taken.content_type,
            size=taken.size,
        )
        response["X-Document-Checked"] = "yes" if taken.is_checked else "no"
        response["X-Document-SHA256"] = taken.sha256
        return response
