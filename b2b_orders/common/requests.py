"""What every request carries: an id, an address it came from, and text that can be stored."""

from __future__ import annotations

import ipaddress
import logging
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from b2b_orders.common.logging import context

logger = logging.getLogger(__name__)

_IPV6_PREFIX = 64
_REFUSED = 400
# What PostgreSQL stores in no text.
NUL = "\0"
# Where VTEX calls us; what follows in the address is a secret.
HOOK_PATH = "/vtex/hook"
# Where a shared document opens without logging in; what follows is its secret.
SHARE_PATH = "/d"
# Where calendars read due dates; likewise.
CALENDAR_PATH = "/calendario"
# Where an invitation to a company opens; likewise.
INVITATION_PATH = "/convite"
# Where somebody who asks to be let in proves their address; likewise.
PROOF_PATH = "/confirmar-endereco"
# Where a mail's link ends what it tells of; likewise.
ENDING_PATH = "/parar-avisos"
SECRET_PATHS = (
    *(HOOK_PATH, SHARE_PATH, CALENDAR_PATH),
    *(INVITATION_PATH, PROOF_PATH, ENDING_PATH),
)


class SecretPathMiddleware:
    """Take the secret out of an address that has one before anything can write it down.

    Django's log, our own record and the server's access log all write the path, the last
    from the request's variables after we have answered. So it stands there no longer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        for path in SECRET_PATHS:
            if request.path_info.startswith(f"{path}/"):
                request.secret_path = request.path_info.removeprefix(f"{path}/")  # type: ignore[attr-defined] # ours, read by the view
                _rewrite(request, path)
                break
        return self.get_response(request)


def _rewrite(request: HttpRequest, path: str) -> None:
    request.path_info = request.META["PATH_INFO"] = path
    request.path = request.META.get("SCRIPT_NAME", "") + path
    # As gunicorn and others name the line they received.
    for name in ("RAW_URI", "REQUEST_URI"):
        if name in request.META:
            request.META[name] = request.path


class RequestContextMiddleware:
    """Give each request an id, log with it, and answer it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = secrets.token_hex(8)
        request.request_id = request_id  # type: ignore[attr-defined] # ours, read by audit
        # No cookie of ours has one, and the session's would be looked for in the database.
        for name in [name for name, value in request.COOKIES.items() if NUL in value]:
            del request.COOKIES[name]
        token = context.set({"request_id": request_id})
        try:
            response = self.get_response(request)
            if response.status_code >= _REFUSED:
                # Error pages show how the id begins. The name of the page, not its address:
                # people type numbers and secrets into those.
                match = request.resolver_match
                page = match.view_name if match else ""
                logger.info("refused", extra={"status": response.status_code, "page": page})
        finally:
            context.reset(token)
        response["X-Request-Id"] = request_id
        return response


def client_address(request: HttpRequest) -> str:
    """Return the address of the person, believing only as many proxies as are ours.

    Empty when there is none: behind a socket, or when a proxy passed on what is no address.
    """
    trusted: int = settings.PORTAL_TRUSTED_PROXIES
    forwarded: str = request.META.get("HTTP_X_FORWARDED_FOR", "")
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    if trusted and len(hops) >= trusted:
        address = hops[-trusted]
    else:
        address = request.META.get("REMOTE_ADDR", "")
    return _plain_address(address)


def _plain_address(written: str) -> str:
    """Read an address as proxies and sockets write it: with a port, or as one of IPv6.

    A socket for both families knows 192.0.2.7 as ::ffff:192.0.2.7. Taken for an address of IPv6,
    all of them would be one network, and anybody could use up what the others may ask for.
    """
    bare = written
    if written.startswith("["):
        bare = written[1:].partition("]")[0]
    elif written.count(":") == 1:
        bare = written.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def network_of(address: str) -> str:
    """Return by what an address is counted: one of IPv6 is a household's or office's countless."""
    if not address:
        return ""
    ip = ipaddress.ip_address(address)
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((ip, _IPV6_PREFIX), strict=False).network_address)


def without_nul(text: str) -> str:
    """Take out of a text what a browser never sends and PostgreSQL cannot store."""
    return text.replace(NUL, "")
