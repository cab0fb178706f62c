"""Records what no view sees: refused addresses, and acting that was left idle."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_resolver

from b2b_orders.audit import acting
from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.middleware import ViewerRequest


class RecordMiddleware:
    """Stand inside the viewer's scope, where the record can be written."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: ViewerRequest) -> HttpResponse:
        now = clock.now()
        if request.standing is not None and request.standing.has_idle_acting(now):
            acting.end_idle(actor=request.actor, now=now)
        return self.get_response(request)

    def process_view(
        self,
        request: ViewerRequest,
        _view: object,
        _args: object,
        _kwargs: object,
    ) -> None:
        """Refuse the address of a company that the person does not act for."""
        if request.refused_company and request.path_info.startswith("/c/"):
            record(
                Action.NOT_VISIBLE,
                actor=request.actor,
                object_kind="company",
                object_id=request.refused_company,
                now=clock.now(),
            )
            raise Http404

    def process_exception(
        self, request: ViewerRequest, exception: Exception
    ) -> HttpResponse | None:
        """Answer what is not visible as what does not exist, and record the attempt."""
        if not isinstance(exception, NotVisible) and not isinstance(
            exception.__context__, NotVisible
        ):
            return None
        kwargs = request.resolver_match.kwargs if request.resolver_match else {}
        record(
            Action.NOT_VISIBLE,
            actor=request.actor,
            company_id=request.viewer.company_id if request.viewer else None,
            object_kind="address",
            object_id=str(next(reversed(kwargs.values()), "")),
            detail={"path": request.path_info[:200]},
            now=clock.now(),
        )
        if not isinstance(exception, NotVisible):
            return None
        not_found: Callable[..., HttpResponse] = get_resolver().resolve_error_handler(404)
        return not_found(request, exception=Http404())
