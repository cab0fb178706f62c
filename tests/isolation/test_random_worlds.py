"""Random worlds: every way to read returns exactly what a plain model of the rules says.

And with the application's own filter taken out, what row-level security alone lets through
is never another company's.
"""

from __future__ import annotations

import csv
import io
import random
import re
import sys
import zipfile
from dataclasses import replace

import pytest
from django.test import Client
from django.utils import timezone

from b2b_orders.api.views import documents as api_documents
from b2b_orders.common.visibility import VisibleQuerySet
from b2b_orders.companies.models import Acting, StaffRole
from b2b_orders.documents.models import ShareLink
from b2b_orders.orders import titles as order_titles
from b2b_orders.portal.views import documents, finance, shares, taking
from tests.b2b_orders.documents.conftest import FakeSource
from tests.b2b_orders.documents.files import make_pdf
from tests.factories import NOW, make_person, make_staff
from tests.isolation.worlds import (
    Eyes,
    Placed,
    World,
    make_support,
    make_world,
    staff_base,
    unknown,
)

SEEDS = range(3)
PDF = make_pdf()
UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(autouse=True)
def _source(monkeypatch, settings, tmp_path) -> None:
    fake = FakeSource({"danfe": PDF, "boleto": PDF})
    for module in (api_documents, documents, finance, shares, taking):
        monkeypatch.setattr(module, "ConnectionDocuments", lambda: fake)
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"documents": options}


@pytest.fixture(params=SEEDS)
def world(request, db) -> World:
    return make_world(request.param)


@pytest.fixture(params=[True, False], ids=["both-walls", "second-wall-alone"])
def has_first_wall(request, monkeypatch) -> bool:
    if not request.param:
        take_down_first_wall(monkeypatch)
    return request.param


def take_down_first_wall(monkeypatch) -> None:
    monkeypatch.setattr(VisibleQuerySet, "visible_to", lambda self, viewer: self.all())
    users = [
        module
        for name, module in sys.modules.items()
        if name.startswith("b2b_orders.") and name != "b2b_orders.common.visibility"
        if hasattr(module, "visible_sql")
    ]
    assert order_titles in users
    for module in users:
        monkeypatch.setattr(
            module,
            "visible_sql",
            lambda viewer, *_a, **_k: ("true", {"company": viewer.company_id}),
        )


def body_of(response) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode(errors="replace")


def as_member(client_for, eyes: Eyes) -> Client:
    client = client_for(eyes.person)
    client.post("/empresa/trocar", {"company": str(eyes.company.public_id)})
    return client


class Reader:
    """Somebody who tries every way to read, and the model that says what each returns."""

    def __init__(self, client: Client, eyes: Eyes, world: World) -> None:
        self.client, self.eyes, self.world = client, eyes, world
        self.asked = {"company": str(eyes.company.public_id)} if eyes.base else {}

    @property
    def visible(self) -> list[Placed]:
        return [placed for placed in self.world.orders if self.eyes.sees(placed)]

    def get(self, path: str, **query: str):
        return self.client.get(f"{self.eyes.base}{path}", query)

    def api(self, path: str, **query: str):
        return self.client.get(f"/api/v1/{path}", query | self.asked)

    def orders_in(self, text: str) -> set[str]:
        return {p.id for p in self.world.orders} & set(UUIDS.findall(text))

    def check(self) -> None:
        self.lists()
        self.searches()
        self.orders()
        self.documents()
        self.finances()
        self.archive()
        self.calendar()

    def lists(self) -> None:
        expected = {placed.id for placed in self.visible}
        assert self.orders_in(body_of(self.get("/pedidos"))) == expected
        rows = self.api("orders", limit="100").json()["results"]
        assert {row["id"] for row in rows} == expected
        amounts = {row["id"]: row["total"] and row["total"]["amount"] for row in rows}
        assert amounts == {
            placed.id: str(placed.amount) if self.eyes.prices else None for placed in self.visible
        }

    def searches(self) -> None:
        for text in self.world.texts:
            expected = {placed.id for placed in self.visible if text in placed.texts}
            found = self.api("orders", number=text).json()
            assert {row["id"] for row in found["results"]} == expected
            assert found["count"] == len(expected)
        for text in self.world.texts[:1] + self.world.texts[-3:]:
            expected = {placed.id for placed in self.visible if text in placed.texts}
            page = self.client.get(f"{self.eyes.base}/pedidos", {"q": text}, follow=True)
            assert self.orders_in(body_of(page)) == expected

    def orders(self) -> None:
        for place, placed in enumerate(self.world.orders):
            expected = 200 if self.eyes.sees(placed) else 404
            answer = self.api(f"orders/{placed.id}")
            assert answer.status_code == expected
            if place % 4 == 0:
                assert self.get(f"/pedidos/{placed.id}").status_code == expected
            if expected == 200:
                listed = {each["id"] for each in answer.json()["documents"]}
                assert listed == {
                    str(document.public_id)
                    for document in (placed.danfe, placed.boleto)
                    if document and self.eyes.takes(placed, document)
                }
                assert bool(answer.json()["titles"]) == (
                    self.eyes.finance and placed.boleto is not None
                )

    def documents(self) -> None:
        for placed in self.world.orders:
            for document in filter(None, (placed.danfe, placed.boleto)):
                expected = 200 if self.eyes.takes(placed, document) else 404
                path = f"orders/{placed.id}/documents/{document.public_id}"
                assert self.api(path).status_code == expected
        placed = self.world.orders[0]
        for document in filter(None, (placed.danfe, placed.boleto)):
            expected = 200 if self.eyes.takes(placed, document) else 404
            page = f"/pedidos/{placed.id}/documentos/{document.public_id}"
            for what in ("", "/ver", "/enviar"):
                assert self.get(page + what).status_code == expected

    def finances(self) -> None:
        expected = {placed.id for placed in self.visible if placed.boleto}
        answer = self.api("titles", state="all", limit="100")
        exported = self.get("/financeiro/exportar", state="all")
        page = self.get("/financeiro", state="all")
        if not self.eyes.finance:
            assert {answer.status_code, exported.status_code, page.status_code} == {404}
            return
        assert {row["order"] for row in answer.json()["results"]} == expected
        assert self.orders_in(body_of(page)) == expected
        rows = list(csv.reader(io.StringIO(body_of(exported)), delimiter=";"))
        titles = {placed.order.title for placed in self.world.orders}
        assert {cell for row in rows for cell in row} & titles == {
            placed.order.title for placed in self.visible if placed.boleto
        }

    def archive(self) -> None:
        placed = self.world.orders[-1]
        response = self.get(f"/pedidos/{placed.id}/documentos/zip")
        if not self.eyes.sees(placed):
            assert response.status_code == 404
            return
        with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
            names = " ".join(archive.namelist())
        assert "DANFE" in names
        assert ("Boleto" in names) == (placed.boleto is not None and self.eyes.finance)

    def calendar(self) -> None:
        if not self.eyes.finance or self.eyes.base:
            return
        made = body_of(self.client.post("/financeiro/calendario/endereco", follow=True))
        secret = re.search(r"/calendario/([\w-]{20,})", made)
        assert secret
        feed = body_of(Client().get(f"/calendario/{secret[1]}.ics"))
        # Long lines are folded.
        listed = self.orders_in(feed.replace("\r\n ", ""))
        assert listed == {placed.id for placed in self.visible if placed.boleto}


def test_members_read_what_the_model_says(world, has_first_wall, client_for):
    assert world.members
    for eyes in world.members:
        # Without the first wall a branch is not kept from the others; the company is.
        eyes_here = eyes if has_first_wall else replace(eyes, branches=None)
        Reader(as_member(client_for, eyes), eyes_here, world).check()


def test_support_reads_what_the_borrowed_eyes_see(world, has_first_wall, client_for):
    support = make_support()
    client = client_for(support)
    for eyes in (*world.members[:2], None):
        company = eyes.company if eyes else world.companies[0]
        membership = next(
            (
                member
                for member in world.memberships
                if eyes and (member.person, member.company) == (eyes.person, eyes.company)
            ),
            None,
        )
        Acting.objects.filter(person=support).delete()
        Acting.objects.create(
            person=support,
            company=company,
            reason="call 4711",
            session_key=client.session.session_key,
            started_at=NOW,
            seen_at=timezone.now(),
            seen_as=membership,
        )
        base = staff_base(company)
        seen = Eyes(
            support,
            company,
            prices=eyes.prices if eyes else True,
            finance=eyes.finance if eyes else True,
            branches=eyes.branches if eyes and has_first_wall else None,
            base=base,
        )
        Reader(client, seen, world).check()


def test_telesales_read_their_portfolio(world, has_first_wall, client_for):
    chance = random.Random(len(world.orders))
    mine = world.companies[:2]
    for place, company in enumerate(mine):
        person = make_person(f"Tel {place}", f"tel{place}@example.com")
        prices, finances = chance.random() < 0.5, chance.random() < 0.5
        make_staff(
            person,
            StaffRole.TELESALES,
            portfolio=(company,),
            can_see_prices=prices,
            can_see_finance=finances,
        )
        eyes = Eyes(person, company, prices, finances, base=staff_base(company))
        client = client_for(person)
        Reader(client, eyes, world).check()
        other = staff_base(mine[1 - place])
        assert client.get(f"{other}/pedidos").status_code == 404


def test_who_belongs_nowhere_reads_nothing(world, has_first_wall, client_for):
    nobody = client_for(make_person("Nobody"))
    for client in (nobody, *map(client_for, world.outsiders)):
        for placed in world.orders:
            page = client.get(f"/pedidos/{placed.id}")
            assert (page.status_code, placed.order.title in body_of(page)) == (403, False)
            assert client.get(f"/api/v1/orders/{placed.id}").status_code in {403, 404}


def test_a_shared_link_shows_what_its_maker_may_see_now(world, client_for):
    for eyes in world.members:
        client = as_member(client_for, eyes)
        for placed in world.orders:
            page = f"/pedidos/{placed.id}/documentos/{placed.danfe.public_id}"
            made = client.post(f"{page}/enviar/link", {"days": "7"})
            secrets = re.findall(r"/d/([\w-]{20,})", body_of(made))
            assert bool(secrets) == eyes.sees(placed)
            if secrets:
                assert Client().get(f"/d/{secrets[0]}/arquivo").status_code == 200
    ShareLink.objects.update(revoked_at=NOW)
    assert Client().get(f"/d/{secrets[0] if secrets else unknown()}").status_code == 404
