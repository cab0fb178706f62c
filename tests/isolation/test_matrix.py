"""Every address of the site, tried by every kind of viewer: each answer stands in a table.

A new address fails the first test until it has its rows in `matrix.txt`. A mark a viewer, in the
order of `viewers.GROUPS`:

    .  opens (200)             L  asked to log in           x  does not exist (404)
    >  leads elsewhere (302)   f  refused with words (403)  m  no such method (405)
    b  what was sent is wrong (400, 409)                    u  the API wants a log-in (401)
    a  asks for what the log-in lacks: a second factor, proof of who one is
    g  is over (410)           s  the source does not answer (424, 502, 503)

What an address names is of Alfa's main house. A form is posted empty: what matters is who gets as
far as having it looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import transaction
from django.urls import reverse

from b2b_orders.api.views import documents as api_documents
from b2b_orders.portal.views import documents, finance, payments, shares, taking
from tests.b2b_orders.documents.conftest import FakeSource
from tests.b2b_orders.documents.files import make_pdf
from tests.isolation.test_addresses import routes
from tests.isolation.viewers import GROUPS, KINDS, Site, client_of, make_site

TABLE = Path(__file__).with_name("matrix.txt")
MARKS = {
    200: ".",
    302: ">",
    400: "b",
    401: "u",
    403: "f",
    404: "x",
    405: "m",
    409: "b",
    410: "g",
    424: "s",
    502: "s",
    503: "s",
}


@dataclass(frozen=True)
class Row:
    """What each kind of viewer gets at an address."""

    method: str
    route: str
    marks: dict[str, str]


def table() -> list[Row]:
    rows = []
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            method, *groups, route = line.split()
            assert tuple(map(len, groups)) == tuple(map(len, GROUPS)), line
            rows.append(Row(method, route, dict(zip(KINDS, "".join(groups), strict=True))))
    return rows


ROWS = table()


def test_every_address_stands_in_the_table():
    listed = {row.route for row in ROWS}

    assert listed == {route or "/" for route in routes()}
    assert len({(row.method, row.route) for row in ROWS}) == len(ROWS)


@pytest.fixture
def site(cast, settings, tmp_path, monkeypatch) -> Site:
    """Alfa with one of everything, and a source that hands out its files."""
    fake = FakeSource(dict.fromkeys(("danfe-1", "rendered", "boleto"), make_pdf()))
    for module in (api_documents, documents, finance, shares, taking):
        monkeypatch.setattr(module, "ConnectionDocuments", lambda: fake)
    monkeypatch.setattr(payments, "ConnectionPayables", lambda: fake)
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    settings.PORTAL_SECURITY_CONTACT = "mailto:security@shop.example"
    return make_site(cast)


def mark(response) -> str:
    if response.status_code == 302:
        to = response["Location"]
        proofs = ("portal:second-factor", "portal:sign-in-again", "account_reauthenticate")
        if to.startswith((*map(reverse, proofs), reverse("mfa_reauthenticate"))):
            return "a"
        return "L" if to.startswith(reverse("account_login")) else ">"
    return MARKS.get(response.status_code, f"[{response.status_code}]")


@contextmanager
def undone() -> Iterator[None]:
    """Take back whatever a request did, so that the next one finds the same."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    # Sessions are in the database, too.
    cache.clear()


def ask(client, site: Site, method: str, route: str) -> str:
    with undone():
        response = getattr(client, method.lower())(site.path(route))
        # A file is closed where it ends.
        if response.streaming:
            b"".join(response)
        return mark(response)


def try_all(client, site: Site, asked: list[tuple[str, str]]) -> list[str]:
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    found = []
    for method, route in asked:
        found.append(ask(client, site, method, route))
        client.cookies.clear()
        client.cookies.load(cookies)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_viewer_gets_exactly_what_the_table_says(
    kind, cast, site, client_for, settings
):
    client = client_of(kind, cast, site, client_for)
    settings.PORTAL_STAFF_SECOND_FACTOR = kind == "staff-lacks-factor"

    found = try_all(client, site, [(row.method, row.route) for row in ROWS])

    wrong = [
        f"{row.method} {row.route}: {got} where the table has {row.marks[kind]}"
        for got, row in zip(found, ROWS, strict=True)
        if got != row.marks[kind]
    ]
    assert wrong == []
