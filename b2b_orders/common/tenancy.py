"""The second wall: row-level security, and the scope that every read and write runs in.

The first wall is `visible_to(viewer)` in each queryset. Behind it stands PostgreSQL:
every table with a company carries a policy that admits `b2b_web` only to the rows of
one company, named in a transaction-local setting. Four roles take part; none is a
superuser or bypasses policies:

* `b2b_owner` runs migrations, tests and commands;
* `b2b_worker` runs ingest, over all companies;
* `b2b_web` is the web process: one company at a time, nothing without a scope;
* `b2b_staff` is what the web process becomes for number-first search: it can read the
  few columns granted to it, over all companies, and nothing else.

A scope is one transaction and one round trip. It takes on the role, so that tests that
connect as the owner run under the very same wall.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.migrations.operations.special import RunSQL

OWNER, WORKER, WEB, STAFF = "b2b_owner", "b2b_worker", "b2b_web", "b2b_staff"
COMPANY_IS_SET = "company_id = NULLIF(current_setting('app.company', true), '')::bigint"
PERSON_IS_SET = "person_id = NULLIF(current_setting('app.person', true), '')::bigint"
# Of tables whose rows are opened by a secret in an address, see `enter_token`.
ADDRESS_IS_KNOWN = "token_hash = NULLIF(current_setting('app.token', true), '')"

# Of what is asked before anybody is signed in: which provider signs in people of an e-mail
# domain, or has this name. See `enter_sign_in`.
SIGN_IN_SETTING = "NULLIF(current_setting('app.sign_in', true), '')"


@contextmanager
def scope(
    *, role: str, company_id: int | None = None, person_id: int | None = None
) -> Iterator[None]:
    """Run a block in one transaction as a role, for one company and person.

    Scopes nest; the outer one is put back when the inner one ends. A block that fails
    rolls back, and the settings with it.
    """
    nested = connection.in_atomic_block
    with transaction.atomic(), _outermost(is_so=not nested), connection.cursor() as cursor:
        before = None
        if nested:
            cursor.execute(
                "SELECT current_setting('role'), current_setting('app.company', true),"
                " current_setting('app.person', true)"
            )
            before = cursor.fetchone()
        _set(cursor, role, company_id or "", person_id or "")
        yield
        # A block that is to be rolled back takes its settings with it.
        if before and not connection.needs_rollback:
            _set(cursor, before[0], before[1] or "", before[2] or "")


def _set(cursor: object, role: str, company: object, person: object) -> None:
    cursor.execute(  # type: ignore[attr-defined] # Django's wrapper has no public type
        "SELECT set_config('role', %s, true), set_config('app.company', %s, true),"
        " set_config('app.person', %s, true)",
        [role, str(company), str(person)],
    )


@dataclass(frozen=True, slots=True)
class Place:
    """What a scope was opened as, to come back to it later."""

    role: str
    company: str
    person: str
    token: str


def here() -> Place:
    """Say what the scope that is open was opened as."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('role'), current_setting('app.company', true),"
            " current_setting('app.person', true), current_setting('app.token', true)"
        )
        role, company, person, token = cursor.fetchone()
    return Place(role, company or "", person or "", token or "")


@contextmanager
def again(place: Place) -> Iterator[None]:
    """Run a block in a transaction, as what an earlier scope was."""
    nested = connection.in_atomic_block
    with transaction.atomic():
        before = here() if nested else None
        _return_to(place)
        yield
        if before and not connection.needs_rollback:
            _return_to(before)


# Whether the transaction of this thread is a scope's own.
_own = threading.local()


@contextmanager
def _outermost(*, is_so: bool) -> Iterator[None]:
    before = getattr(_own, "is_scope", False)
    _own.is_scope = before or is_so
    try:
        yield
    finally:
        _own.is_scope = before


def can_leave() -> bool:
    """Say whether `leave` leaves no transaction open: there is none, or it is a scope's alone."""
    if not connection.in_atomic_block:
        return True
    is_alone = not connection.savepoint_ids and not connection.needs_rollback
    return is_alone and getattr(_own, "is_scope", False)


@contextmanager
def leave() -> Iterator[None]:
    """Leave the scope for what takes long, and come back into the same one after it.

    What was done before is committed. Inside there is neither a transaction, so that a source
    that trickles holds no row and no snapshot of ours, nor a scope: what reads rows opens its
    own. Within a transaction of somebody else's nothing is left, and all runs as before.
    """
    if not connection.in_atomic_block or not can_leave():
        yield
        return
    place = here()
    blocks, connection.atomic_blocks = connection.atomic_blocks, []
    # A transaction that somebody begins inside is no scope's, and is not to be left.
    _own.is_scope = False
    # As the end and the beginning of `transaction.atomic` do it.
    connection.in_atomic_block = False
    connection.commit()
    connection.set_autocommit(True)
    try:
        yield
    finally:
        _own.is_scope = True
        connection.set_autocommit(False)
        connection.in_atomic_block, connection.atomic_blocks = True, blocks
        _return_to(place)


def _return_to(place: Place) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('role', %s, true), set_config('app.company', %s, true),"
            " set_config('app.person', %s, true), set_config('app.token', %s, true)",
            [place.role, place.company, place.person, place.token],
        )


def enter_company(company_id: int | None) -> None:
    """Turn the scope that is open to another company, or to none, until it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.company', %s, true)", [str(company_id or "")])


def enter_token(token_hash: str) -> None:
    """Let the scope that is open see the one row whose secret has this hash, until it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.token', %s, true)", [token_hash])


def enter_sign_in(name: str) -> None:
    """Let the scope that is open see one e-mail domain or one identity provider, by its name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.sign_in', %s, true)", [name])


def require_roles() -> RunSQL:
    """Build the step that stops a first migration on a server without the four roles."""
    names = ", ".join(f"'{name}'" for name in (OWNER, WORKER, WEB, STAFF))
    return RunSQL(
        f"""
        DO $$ BEGIN
            IF (SELECT count(*) FROM pg_roles WHERE rolname IN ({names})) < 4 THEN
                RAISE EXCEPTION 'The roles {names.replace("'", "")} are missing'
                    USING HINT = 'Run docs/roles.sql as a superuser first.';
            END IF;
        END $$;
        """,
        RunSQL.noop,
    )


def isolate(table: str, *, web: str = "SELECT", extra: str = "") -> RunSQL:
    """Build the migration step that puts a table with a `company_id` behind the wall.

    `web` lists what the web process may do to its company's rows; `extra` is a further
    SQL condition, joined by OR, that admits rows to it (a person's own memberships).
    """
    condition = f"({COMPANY_IS_SET}{' OR ' + extra if extra else ''})"
    return RunSQL(
        f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY company_only ON {table} TO {WEB} USING {condition} WITH CHECK {condition};
        CREATE POLICY everything ON {table} TO {OWNER}, {WORKER} USING (true) WITH CHECK (true);
        {f"GRANT {web} ON {table} TO {WEB};" if web else ""}
        GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {WORKER};
        """,
        f"""
        REVOKE ALL ON {table} FROM {WEB}, {WORKER}, {STAFF};
        DROP POLICY company_only ON {table};
        DROP POLICY everything ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """,
    )


def share(
    table: str, *, web: str = "SELECT", worker: str = "SELECT, INSERT, UPDATE, DELETE"
) -> RunSQL:
    """Build the migration step that grants a table without companies to the run-time roles."""
    return RunSQL(
        (f"GRANT {web} ON {table} TO {WEB};" if web else "")
        + (f"GRANT {worker} ON {table} TO {WORKER};" if worker else ""),
        f"REVOKE ALL ON {table} FROM {WEB}, {WORKER};",
    )


def show_to_staff(table: str, columns: str) -> RunSQL:
    """Build the migration step that lets number-first search read some columns of all rows."""
    return RunSQL(
        f"""
        GRANT SELECT ({columns}) ON {table} TO {STAFF};
        CREATE POLICY staff_looks ON {table} FOR SELECT TO {STAFF} USING (true);
        """,
        f"DROP POLICY staff_looks ON {table}; REVOKE SELECT ({columns}) ON {table} FROM {STAFF};",
    )
