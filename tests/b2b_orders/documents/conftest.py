from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
import pytest
from django.core.files.storage import storages
from django.db import connection

from b2b_orders.common import tenancy
from b2b_orders.companies.access import RIGHTS_OF_ROLE, Actor, Viewer
from b2b_orders.companies.models import Company, Role
from b2b_orders.documents.models import Document
from erp_bridge.connector import Call, DocumentStream
from erp_bridge.records import DocumentRecord
from tests.factories import as_listed


@dataclass
class FakeSource:
    """Hands out what it is told to, in pieces; an exception is raised instead."""

    files: dict[str, bytes | Exception] = field(default_factory=dict)
    asked: list[tuple[str, int, str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    announced: int | None = None
    breaks_after: int | None = None
    opening: Callable[[], object] = lambda: None
    with_branches: bool = False
    # What it lists when asked whether something is to be paid; without, what it listed before.
    listing: list[DocumentRecord] | Exception | None = None
    asked_for_lists: list[tuple[str, int, str]] = field(default_factory=list)
    list_seconds: list[float] = field(default_factory=list)
    listed_while: Callable[[], object] = lambda: None
    changes: list[uuid.UUID] = field(default_factory=list)

    def listed(
        self, connection: str, company_id: int, external_id: str, call: Call
    ) -> list[DocumentRecord]:
        self.asked_for_lists.append((connection, company_id, external_id))
        self.list_seconds.append(call.seconds_left)
        self.listed_while()
        if isinstance(self.listing, Exception):
            raise self.listing
        if self.listing is None:
            return [as_listed(row) for row in Document.objects.filter(key__in=self.files)]
        return self.listing

    def note_change(self, viewer: Viewer, order_public_id: uuid.UUID, now: datetime) -> None:
        self.changes.append(order_public_id)

    @contextmanager
    def open(
        self, connection: str, company_id: int, external_id: str, document_key: str, call: Call
    ) -> Iterator[DocumentStream]:
        self.asked.append((connection, company_id, external_id, document_key))
        self.seconds.append(call.seconds_left)
        self.opening()
        content = self.files[document_key]
        if isinstance(content, Exception):
            raise content
        pieces = (content[at : at + 1000] for at in range(0, len(content), 1000))
        yield DocumentStream(pieces, "application/octet-stream", self.announced)

    def accepts_branches(self, connection: str) -> bool:
        return self.with_branches


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture(autouse=True)
def _own_store(settings, tmp_path):
    settings.STORAGES = settings.STORAGES | {
        "documents": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "documents"), "base_url": None},
        }
    }
    assert storages["documents"].location.startswith(str(tmp_path))


def viewer_of(company: Company, person, role: Role = Role.BUYER, **given: object) -> Viewer:
    values = {"person_id": person.pk, "company_id": company.pk, "rights": RIGHTS_OF_ROLE[role]}
    return Viewer(**(values | given))


@pytest.fixture
def bruno(cast) -> Viewer:
    return viewer_of(cast.alfa, cast.bruno, Role.FINANCE)


@pytest.fixture
def actor(bruno) -> Actor:
    return Actor(person_id=bruno.person_id, address="203.0.113.9", request_id="abc")


@contextmanager
def as_web(viewer: Viewer) -> Iterator[None]:
    """Run as the web process does: its role, one company, one transaction."""
    with tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id):
        yield


def dsn() -> str:
    """Say how another session reaches the test's database."""
    values = connection.get_connection_params()
    names = {"dbname": "dbname", "user": "user", "password": "password"}
    given = {name: values[key] for name, key in names.items() if values.get(key)}
    given |= {name: str(values[name]) for name in ("host", "port") if values.get(name)}
    return psycopg.conninfo.make_conninfo(**given)
