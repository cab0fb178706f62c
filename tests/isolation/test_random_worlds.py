"""Random worlds: every way to read returns exactly what a plain model of the rules says.

And with the application's own filter taken out, what row-level security alone lets through
is never another company's.
"""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from python_calamine import CalamineWorkbook

from b2b_orders.accounts.models import Person
from b2b_orders.api.views import documents as api_documents
from b2b_orders.common import clock, tenancy
from b2b_orders.companies.models import Acting, Company, Membership, StaffRole, Team
from b2b_orders.documents.models import ListExport, Pack, ShareLink
from b2b_orders.ingest import packs_work
from b2b_orders.notifications import noticing, telling
from b2b_orders.notifications.models import Follow
from b2b_orders.orders.models import Order
from b2b_orders.portal import exporting
from b2b_orders.portal.views import documents, finance, shares, taking
from tests.b2b_orders.documents.conftest import FakeSource
from tests.b2b_orders.documents.files import make_pdf
from tests.factories import NOW, make_person, make_staff
from tests.isolation.walls import take_down_first_wall
from tests.isolation.worlds import (
    DUE_IN,
    LEAST,
    SHARED,
    Eyes,
    Placed,
    World,
    make_support,
    make_world,
    staff_base,
    unknown,
)

# More of them for a longer look.
SEEDS = range(2)
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


def body_of(response) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode(errors="replace")


def titles_in(world: World, cells: Iterable[object]) -> set[str]:
    """Find the orders that cells name; digits alone are written so that no program reads them."""
    written = {str(cell).removeprefix('="').removesuffix('"') for cell in cells}
    return {placed.order.title for placed in world.orders} & written


def rows_of(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body_of(response)), delimiter=";"))


def as_member(client_for, eyes: Eyes) -> Client:
    client = client_for(eyes.person)
    client.post("/empresa/trocar", {"company": str(eyes.company.public_id)})
    return client


class Reader:
    """Somebody who tries every way to read, and the model that says what each returns.

    `wide` are the eyes for what only the first wall keeps apart: branches of one company.
    """

    def __init__(self, client: Client, own: Eyes, wide: Eyes, world: World) -> None:
        self.client, self.own, self.eyes, self.world = client, own, wide, world
        eyes = wide
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

    def told_in(self, text: str) -> set[str]:
        return set(re.findall(r"(?:asks|tells|OURS)-\d+", re.sub("</?mark>", "", text)))

    def check(self) -> None:
        self.lists()
        self.searches()
        self.orders()
        self.documents()
        self.finances()
        self.archive()
        self.calendar()
        self.month()
        self.people()
        self.accesses()
        # So many searches are more than one person's in a minute.
        cache.clear()
        self.box()
        self.chips()
        self.walk()
        self.board()
        self.files()
        self.parts()
        self.views()

    def lists(self) -> None:
        expected = {placed.id for placed in self.visible}
        assert self.orders_in(body_of(self.get("/pedidos"))) == expected
        rows = self.api("orders", limit="100").json()["results"]
        assert {row["id"] for row in rows} == expected
        amounts = {row["id"]: row["total"] and row["total"]["amount"] for row in rows}
        assert amounts == {
            placed.id: str(placed.amount) if self.eyes.prices else None for placed in self.visible
        }
        self.filtered()

    def filtered(self) -> None:
        """Ask for a branch and an amount, also of another company, sorted by what is secret."""
        for placed in self.world.orders[::6]:
            branch = placed.establishment and placed.establishment.tax_id
            asked = {"filial": branch or "0", "minimo": "5000", "ordem": "total"}
            expected = {
                each.id
                for each in self.visible
                if each.establishment and each.establishment.tax_id == branch
                if each.amount >= 5000 or not self.eyes.prices
            }
            assert self.orders_in(body_of(self.get("/pedidos", **asked))) == expected
            answer = self.api("orders", **asked)
            assert answer.status_code == (200 if self.eyes.prices else 400)
            if self.eyes.prices:
                found = answer.json()
                assert {row["id"] for row in found["results"]} == expected
                assert found["count"] == len(expected)

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
            if place % 4 == 0 or (placed.question and place % 2 == 0):
                page = self.get(f"/pedidos/{placed.id}")
                assert page.status_code == expected
                said = placed.question, placed.answer, placed.added
                assert self.told_in(body_of(page)) == {
                    word for word in said if word and expected == 200
                }
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
        rows = rows_of(exported)
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

    def month(self) -> None:
        due_on = timezone.localdate() + DUE_IN
        page = self.get("/financeiro/calendario", month=f"{due_on:%Y-%m}")
        if not self.eyes.finance:
            assert page.status_code == 404
            return
        amounts = [placed.amount for placed in self.visible if placed.boleto]
        total = f"{sum(amounts):,.2f}".translate(str.maketrans(",.", ".,"))
        # Everything is due on one day.
        assert set(re.findall(r"[\d.]+,\d\d", body_of(page))) == ({total} if amounts else set())

    def people(self) -> None:
        pages = [self.get(f"/empresa/pessoas{what}") for what in ("", "/exportar")]
        own = self.own
        if not own.people:
            # Support that acts with nobody's eyes looks at the list, and takes none away.
            assert [page.status_code for page in pages] == ([200, 403] if own.acts else [404, 404])
            return
        expected = {each.email for each in self.world.colleagues if each.is_administered_by(own)}
        listed, exported = (set(re.findall(r"p\d@example\.com", body_of(page))) for page in pages)
        assert listed - {own.person.email} == expected - {own.person.email}
        assert exported == expected

    def accesses(self) -> None:
        pages = [self.get(f"/empresa/acessos{what}") for what in ("", "/exportar")]
        own = self.own
        if not own.record:
            assert {page.status_code for page in pages} == {404}
            return
        seen = [placed for placed in self.world.orders if own.sees(placed)]
        rows = [row for row in rows_of(pages[1]) if self.world.witness in row]
        titles = {placed.order.title for placed in self.world.orders}
        named = [title for row in rows for title in titles if title in " ".join(row)]
        assert sorted(named) == sorted(placed.order.title for placed in seen)
        assert len(rows) == len(seen) + (own.branches is None)

    # --- what came with the box, the lists and the order's parts ---------------------------

    def htmx(self, path: str, **query: str) -> str:
        answer = self.client.get(f"{self.eyes.base}{path}", query, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        return body_of(answer)

    def box(self) -> None:
        """Type numbers of everybody's: whole, by their kind, and with a slip."""
        for text in (*SHARED, *self.world.texts[:4]):
            expected = {placed.id for placed in self.visible if text in placed.texts}
            assert self.orders_in(self.htmx("/pedidos/sugestoes", q=text)) == expected
        for kind, text in (("meu", SHARED[0]), ("erp", SHARED[0]), ("erp", self.number(0))):
            is_kind = (kind == "meu") == (text in SHARED)
            expected = {p.id for p in self.visible if is_kind and text in p.texts}
            page = self.get("/pedidos", q=text, em=kind, listar="1")
            assert self.orders_in(body_of(page)) == expected
        for place, placed in enumerate(self.world.orders[:3]):
            page = self.get("/pedidos", q=misheard(self.number(place)))
            near = {placed.id} if self.eyes.sees(placed) else set()
            assert self.orders_in(body_of(page)) == near
        assert self.orders_in(self.htmx("/paleta")) == set()

    def number(self, place: int) -> str:
        return min(text for text in self.world.orders[place].texts if text.startswith("45"))

    def chips(self) -> None:
        counted = {"andamento": len(self.visible), "atrasados": sum(p.late for p in self.visible)}
        if self.eyes.finance:
            counted["a_pagar"] = sum(p.boleto is not None for p in self.visible)
        page = body_of(self.get("/pedidos"))
        found = dict(re.findall(r"so=(\w+)[^>]*>(?:(?!</a>).)*<strong>([^<]*)</strong>", page))
        for name in ("andamento", "atrasados", "a_pagar"):
            assert found.get(name, "0") == str(counted.get(name, 0))

    def walk(self) -> None:
        """Go on from an order through a list; one that is sorted by what one may not see."""
        by_amount = sorted(self.visible, key=lambda placed: placed.amount, reverse=True)
        for sort, listed in (
            ("", self.visible),
            ("-total", by_amount if self.eyes.prices else self.visible),
        ):
            ids = ["", *(placed.id for placed in listed), ""]
            for place in range(1, len(ids) - 1)[:2]:
                page = body_of(self.get(f"/pedidos/{ids[place]}", ordem=sort))
                links = re.findall(r'href="([^"]*)" rel="(prev|next)" data-', page)
                beside = {way: UUIDS.findall(link)[-1] for link, way in links}
                expected = {"prev": ids[place - 1], "next": ids[place + 1]}
                assert beside == {way: pk for way, pk in expected.items() if pk}

    def board(self) -> None:
        """Look at branches, which are the person's own even without the first wall."""
        newest: dict[int, str] = {}
        for placed in self.world.orders:
            if placed.establishment and self.own.sees(placed):
                newest.setdefault(placed.establishment.pk, placed.id)
        page = body_of(self.get("/filiais", ordem="a_pagar"))
        assert self.orders_in(page) == set(newest.values())
        assert bool(re.search(r'href="[^"]*ordem=a_pagar', page)) == self.eyes.finance

    def files(self) -> None:
        """Take lists away: all of it, what is picked of everybody's, and of pasted numbers."""
        seen = {placed.order.title for placed in self.visible}
        amounts = {float(placed.amount) for placed in self.visible}
        taken = self.post("/pedidos/exportar", formato="xlsx")
        assert taken.status_code == (200 if seen else 302)
        if seen:
            content = io.BytesIO(b"".join(taken.streaming_content))
            rows = CalamineWorkbook.from_filelike(content).get_sheet_by_index(0).to_python()
            cells = {cell for row in rows for cell in row}
            assert self.titles_in(cells) == seen
            known = {float(placed.amount) for placed in self.world.orders}
            assert cells & known == (amounts if self.eyes.prices else set())
        everybodys = [placed.id for placed in self.world.orders]
        picked = self.post("/pedidos/selecao", pedido=everybodys, formato="csv")
        assert picked.status_code == (200 if seen else 404)
        if seen:
            assert self.titles_in(c for row in rows_of(picked) for c in row) == seen
        numbers = "\n".join(self.world.texts)
        pasted = self.post("/pedidos/lote", numeros=numbers)
        assert self.orders_in(body_of(pasted)) == {placed.id for placed in self.visible}
        file = rows_of(self.post("/pedidos/lote", numeros=numbers, acao="csv"))
        assert self.titles_in(cell for row in file[1:] for cell in row[2:]) == seen

    def post(self, path: str, **given: object):
        return self.client.post(f"{self.eyes.base}{path}", given)

    def titles_in(self, cells: Iterable[object]) -> set[str]:
        return titles_in(self.world, cells)

    def parts(self) -> None:
        for placed in self.world.orders[1::4]:
            sees = self.eyes.sees(placed)
            page = f"/pedidos/{placed.id}"
            opened = {
                part: self.get(f"{page}/{part}") for part in ("itens", "documentos", "historico")
            }
            assert {each.status_code for each in opened.values()} == {200 if sees else 404}
            found = self.get(f"{page}/itens", item="item-0")
            for each in (opened["itens"], found):
                items = set(re.findall(r"item-\d\d", body_of(each)))
                assert items == ({placed.item} if sees else set())
            days = set(re.findall(r"\d\d/\d\d/204\d", body_of(opened["historico"])))
            assert days == (placed.days if sees else set())
            owed = self.get(f"{page}/financeiro")
            assert owed.status_code == (200 if sees and self.eyes.finance else 404)

    def views(self) -> None:
        """Open everybody's saved views: a shared one of the company says what is listed."""
        everything = {placed.id for placed in self.visible}
        dear = {placed.id for placed in self.visible if placed.amount >= LEAST}
        for company, (shared, own) in self.world.views.items():
            is_theirs = company == self.eyes.company.pk
            for view, is_open in ((shared, is_theirs), (own, False)):
                address = f"{self.eyes.base}/pedidos"
                page = self.client.get(address, {"visao": view.public_id.hex}, follow=True)
                expected = dear if is_open and self.eyes.prices else everything
                assert self.orders_in(body_of(page)) == expected

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
        Reader(as_member(client_for, eyes), eyes, eyes_here, world).check()


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
            branches=eyes.branches if eyes else None,
            acts=eyes is None,
            base=base,
        )
        wide = seen if has_first_wall else replace(seen, branches=None)
        Reader(client, seen, wide, world).check()


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
        Reader(client, eyes, eyes, world).check()
        other = staff_base(mine[1 - place])
        assert client.get(f"{other}/pedidos").status_code == 404


def test_a_pack_holds_what_its_person_may_take(world, client_for, monkeypatch):
    monkeypatch.setattr(packs_work, "wake_aside", lambda _pk: None)
    for eyes in world.members:
        client = as_member(client_for, eyes)
        expected = {
            document.pk
            for placed in world.orders
            for document in (placed.danfe, placed.boleto)
            if document and eyes.takes(placed, document)
        }

        if eyes.branches is None:
            client.post("/documentos/pacotes", {})
        else:
            everybodys = [placed.id for placed in world.orders]
            client.post("/pedidos/selecao", {"pedido": everybodys, "acao": "zip"})

        pack = Pack.objects.filter(person=eyes.person, company=eyes.company).first()
        assert (pack is not None) == bool(expected)
        if pack is None:
            continue
        with tenancy.scope(role=tenancy.WORKER):
            source = FakeSource({"danfe": PDF, "boleto": PDF})
            packs_work.run_pack(pack_id=pack.pk, clock=clock.now, source=source)
        [part] = pack.parts.all()
        assert set(part.documents) == expected
        response = client.get(f"/documentos/pacotes/{pack.public_id}/1")
        with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
            assert sum(name.endswith(".pdf") for name in archive.namelist()) == len(expected)
        others = {each.person for each in world.members} - {eyes.person}
        for other in map(client_for, others):
            taken = other.get(f"/documentos/pacotes/{pack.public_id}/1")
            assert taken.status_code == 404


def test_a_list_that_a_worker_writes_holds_what_its_person_sees(world, client_for, settings):
    settings.PORTAL_EXPORT_AT_ONCE = 0
    for eyes in world.members:
        client = as_member(client_for, eyes)
        expected = {
            placed.order.title
            for placed in world.orders
            if eyes.sees(placed) and (placed.amount >= LEAST or not eyes.prices)
        }

        client.post("/pedidos/exportar", {"formato": "csv", "minimo": str(LEAST)})

        export = ListExport.objects.filter(person=eyes.person, company=eyes.company).first()
        assert (export is not None) == bool(expected)
        if export is None:
            continue
        with tenancy.scope(role=tenancy.WORKER):
            assert exporting.run_export(export_id=export.pk, clock=clock.now)
        address = f"/pedidos/exportacoes/{export.public_id}"
        rows = rows_of(client.get(address))
        assert titles_in(world, (cell for row in rows for cell in row)) == expected
        for other in {each.person for each in world.members} - {eyes.person}:
            assert client_for(other).get(address).status_code == 404
        own = Membership.objects.filter(person=eyes.person, company=eyes.company)
        own.update(sees_prices=not eyes.prices)
        assert client.get(address).status_code == 410


def test_who_follows_hears_of_what_they_may_see(world, client_for):
    for nth, eyes in enumerate(world.members):
        client = as_member(client_for, eyes)
        for placed in world.orders:
            # Every other one follows a list instead.
            followed = client.post(f"/pedidos/{placed.id}/seguir") if nth % 2 else None
            if followed:
                assert followed.status_code == (302 if eyes.sees(placed) else 404)
        if not nth % 2:
            given = {"so": "andamento", "nome": "x", "tipo": ["order", "status"]}
            assert client.post("/pedidos/seguir", given).status_code == 302
    sent: list[telling.Digest] = []

    def happen(status: str, hours: int) -> dict[int, set[str]]:
        at = timezone.now() + timedelta(hours=hours)
        Order.objects.update(fulfilment=status, changed_at=at)
        sent.clear()
        with tenancy.scope(role=tenancy.WORKER):
            noticing.sweep_changes(now=at)
            noticing.look_in_turn(now=at)
            telling.tell(now=at + timedelta(hours=2), send=sent.append)
        return {
            mail.person_id: {str(order.public_id) for c in mail.companies for order in c.orders}
            for mail in sent
        }

    expected: dict[int, set[str]] = {}
    for eyes in world.members:
        mine = {placed.id for placed in world.orders if eyes.sees(placed)}
        if mine:
            expected.setdefault(eyes.person.pk, set()).update(mine)
    assert happen("shipped", 1) == expected
    Membership.objects.update(is_active=False)
    assert happen("delivered", 5) == {}
    assert not Follow.objects.exists()


# --- across companies ------------------------------------------------------------------------


def serves(team: Team | None, company: Company) -> bool:
    """Say whose customers somebody of a team serves: theirs and those of no team."""
    return company.is_active and (team is None or company.team is None or company.team == team)


def misheard(text: str) -> str:
    """Get the last digit wrong."""
    return text[:-1] + str((int(text[-1]) + 5) % 10)


def found_by(client: Client, world: World, page: str, text: str) -> set[str]:
    body = body_of(client.get(page, {"q": text}))
    return {placed.id for placed in world.orders} & set(UUIDS.findall(body))


def test_support_finds_numbers_of_the_companies_it_serves(world, has_first_wall, client_for):
    for place, team in enumerate((None, *world.teams)):
        client = client_for(make_support(f"Sue{place}", team))
        for text in world.texts:
            having = [placed for placed in world.orders if text in placed.texts]
            expected = {placed.id for placed in having if serves(team, placed.company)}
            assert found_by(client, world, "/atendimento", text) == expected
        assert client.get("/televendas", {"q": world.texts[0]}).status_code == 404
        for placed in world.orders[:4]:
            number = min(text for text in placed.texts if text.startswith("45"))
            near = found_by(client, world, "/atendimento", misheard(number))
            assert near == ({placed.id} if serves(team, placed.company) else set())


def test_staff_see_the_questions_that_wait_at_whom_they_serve(world, has_first_wall, client_for):
    asked = [placed for placed in world.orders if placed.question and not placed.answer]
    of_team = {f"Sue{place}": team for place, team in enumerate((None, *world.teams))}
    for name, team in of_team.items():
        page = body_of(client_for(make_support(name, team)).get("/atendimento/perguntas"))
        expected = {placed.id for placed in asked if serves(team, placed.company)}
        assert {placed.id for placed in world.orders} & set(UUIDS.findall(page)) == expected
        # Whose they are, and not what they say.
        assert "asks-" not in page
    for seller, mine in sellers(world):
        page = body_of(client_for(seller).get("/atendimento/perguntas"))
        expected = {placed.id for placed in asked if placed.company in mine}
        assert {placed.id for placed in world.orders} & set(UUIDS.findall(page)) == expected


def sellers(world: World) -> list[tuple[Person, list[Company]]]:
    """Make somebody who looks after the first company, the last two, and none."""
    made = []
    for place, wanted in enumerate((world.companies[:1], world.companies[1:], [])):
        person = make_person(f"Sel{place}", f"sel{place}@example.com")
        make_staff(person, StaffRole.TELESALES, seller_code=f"V{place}", portfolio=wanted)
        made.append((person, [company for company in wanted if company.is_active]))
    return made


def test_telesales_find_and_export_their_portfolio_alone(world, has_first_wall, client_for):
    for seller, mine in sellers(world):
        client = client_for(seller)
        own = [placed for placed in world.orders if placed.company in mine]
        for text in world.texts:
            expected = {placed.id for placed in own if text in placed.texts}
            assert found_by(client, world, "/televendas", text) == expected
        assert client.get("/atendimento", {"q": world.texts[0]}).status_code == 404
        listed = body_of(client.get("/televendas/clientes"))
        names = {str(company.public_id) for company in world.companies}
        assert names & set(UUIDS.findall(listed)) == {str(each.public_id) for each in mine}
        rows = rows_of(client.get("/televendas/clientes/exportar"))[1:]
        assert sorted(row[0] for row in rows) == sorted(placed.company.name for placed in own)
        titles = {placed.order.title for placed in world.orders}
        assert {cell for row in rows for cell in row} & titles == {p.order.title for p in own}
        for company in world.companies:
            sheet = client.get(f"/televendas/clientes/{company.public_id}")
            assert sheet.status_code == (200 if company in mine else 404)
            expected = {placed.id for placed in own if placed.company == company}
            shown = {p.id for p in world.orders} & set(UUIDS.findall(body_of(sheet)))
            assert shown == expected


def test_operations_alone_search_the_whole_record(world, has_first_wall, client_for):
    person = make_person("Olga")
    make_staff(person, StaffRole.OPERATIONS)
    client = client_for(person)

    exported = rows_of(client.get("/operacao/auditoria/exportar"))

    rows = [row for row in exported if world.witness in row]
    assert len(rows) == len(world.orders) + len(world.companies)
    named = {placed.id for placed in world.orders} & {cell for row in rows for cell in row}
    assert named == {placed.id for placed in world.orders}
    staff = [client_for(make_support()), client_for(sellers(world)[0][0])]
    for other in (*staff, *(as_member(client_for, eyes) for eyes in world.members[:3])):
        for path in ("/operacao/auditoria", "/operacao/auditoria/exportar"):
            assert other.get(path).status_code == 404


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
        for placed in world.orders[::2]:
            page = f"/pedidos/{placed.id}/documentos/{placed.danfe.public_id}"
            made = client.post(f"{page}/enviar/link", {"days": "7"})
            secrets = re.findall(r"/d/([\w-]{20,})", body_of(made))
            assert bool(secrets) == eyes.sees(placed)
            if secrets:
                assert Client().get(f"/d/{secrets[0]}/arquivo").status_code == 200
    ShareLink.objects.update(revoked_at=NOW)
    assert Client().get(f"/d/{secrets[0] if secrets else unknown()}").status_code == 404
