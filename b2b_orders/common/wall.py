"""Whether the web process stands behind the wall: it does not serve otherwise.

A role that is a superuser, owns tables or bypasses policies sees every company's rows, whatever
the code asks for; and nothing on a page would show it. So it is looked at once, when the
process starts, or as soon as the database is there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.core.checks.security.base import check_secret_key
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection

from b2b_orders.common import tenancy

logger = logging.getLogger(__name__)

# What the role is, which tables it owns, what of companies lacks a forced policy or has one too
# many, and which roles it may take on: what one of those may do, it may.
_LOOK = """
SELECT
    r.rolsuper, r.rolbypassrls, r.rolcreaterole,
    EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid
        AND c.relnamespace = 'public'::regnamespace),
    pg_has_role(r.oid, %(owner)s, 'MEMBER') AS may_become_owner,
    pg_has_role(r.oid, %(worker)s, 'MEMBER') AS may_become_worker,
    ARRAY(SELECT c.relname::text FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
        AND a.attname = 'company_id' AND NOT a.attisdropped
        AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1),
    ARRAY(SELECT other.rolname::text FROM pg_roles other
        WHERE other.oid <> r.oid AND pg_has_role(r.oid, other.oid, 'MEMBER')
        AND other.rolname NOT IN (%(owner)s, %(worker)s)
        AND (other.rolsuper OR other.rolbypassrls OR other.rolcreaterole
            OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = other.oid
                AND c.relnamespace = 'public'::regnamespace)) ORDER BY 1),
    ARRAY(SELECT DISTINCT p.tablename::text FROM pg_policies p
        JOIN pg_attribute a ON a.attrelid = format('%%I.%%I', p.schemaname, p.tablename)::regclass
        WHERE p.schemaname = 'public' AND a.attname = 'company_id' AND NOT a.attisdropped
        AND p.permissive = 'PERMISSIVE' AND p.cmd IN ('ALL', 'SELECT') AND p.qual = 'true'
        AND (r.rolname = ANY(p.roles) OR 'public' = ANY(p.roles)) ORDER BY 1)
FROM pg_roles r WHERE r.rolname = current_user
"""

# What no middleware adds here.
_HEADERS = [
    ("Content-Type", "text/plain"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
]


def faults() -> list[str]:
    """Say what stands open, in an administrator's words. Raises a database's error."""
    with connection.cursor() as cursor:
        found = faults_of(cursor)
    if check_secret_key(None):
        found.append("PORTAL_SECRET_KEY is short or guessable")
    return found


def faults_of(cursor: Any) -> list[str]:
    """Say what stands open to the role that a database's cursor has now."""
    cursor.execute(_LOOK, {"owner": tenancy.OWNER, "worker": tenancy.WORKER})
    is_super, bypasses, makes_roles, owns, as_owner, as_worker, *more = cursor.fetchone()
    cursor.execute("SELECT current_user")
    role = cursor.fetchone()[0]
    bare, mighty, open_tables = more
    found = []
    for is_so, what in (
        (is_super, "is a superuser"),
        (bypasses, "bypasses row-level security"),
        (makes_roles, "may make roles"),
        (owns, "owns tables"),
        (as_owner, f"may become {tenancy.OWNER}"),
        (as_worker, f"may become {tenancy.WORKER}"),
    ):
        if is_so:
            found.append(f"the database role {role} {what}; connect as {tenancy.WEB}")
    if mighty:
        found.append(
            f"the database role {role} may become {', '.join(mighty)}; connect as {tenancy.WEB}"
        )
    if open_tables and not (as_owner or as_worker):
        # Theirs are meant to.
        found.append(f"a policy shows {role} all rows of {', '.join(open_tables)}; drop it")
    if bare:
        found.append(f"row-level security is not forced on {', '.join(bare)}; run migrations")
    return found


class Guarded:
    """Serve only behind the wall.

    A fault that is found at the start stops the process. Without a database nothing can be
    shown of anybody: requests pass, and fail by themselves, until it is there to be asked.
    """

    def __init__(
        self, served: Callable[..., Iterable[bytes]], look: Callable[[], list[str]] = faults
    ) -> None:
        self.served = served
        self.look = look
        self.is_known = False
        if found := self._find():
            raise ImproperlyConfigured("The portal does not start: " + "; ".join(found))

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if not self.is_known and (found := self._find()):
            logger.critical("the portal does not serve", extra={"faults": found})
            start_response("503 Service Unavailable", _HEADERS)
            return [b"Out of service\n"]
        return self.served(environ, start_response)

    def _find(self) -> list[str]:
        try:
            found = self.look()
        except Error:
            logger.warning("the database does not answer yet", exc_info=True)
            return []
        finally:
            # A process that forks later must not share a connection.
            connection.close()
        self.is_known = not found
        return found
