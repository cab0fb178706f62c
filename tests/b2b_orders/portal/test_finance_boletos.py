"""Paying from the finance page: each item's payment page, and the selected boletos as a ZIP."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from django.test import Client

from b2b_orders.audit.models import AuditEvent
from b2b_orders.companies.models import Membership, Role
from b2b_orders.documents.models import Document, DocumentRule
from b2b_orders.documents.title_payments import title_ref
from b2b_orders.orders.models import Title
from b2b_orders.portal.views import finance
from erp_bridge.connector import Call, DocumentStream
from erp_bridge.records import DocumentKind, DocumentRecord, NumberKind, TitleState
from tests.b2b_orders.documents.files import make_pdf
from tests.b2b_orders.portal.pages import parse, words
from tests.factories import NOW, make_document, make_order, make_title

TODAY = date(2026, 3, 10)
LINE = "34191790010104351004791020150008191070000100000"
PDF = make_pdf()


class FakeSource:
    """Hands out one PDF for every file, and says that every boleto is open but some."""

    def __init__(self) -> None:
        self.settled: dict[str, TitleState] = {}
        self.asked: list[int] = []

    def accepts_branches(self, _connection: str) -> bool:
        return False

    def listed(
        self, connection: str, company_id: int, external_id: str, call: Call
    ) -> list[DocumentRecord]:
        self.asked.append(company_id)
        return [
            DocumentRecord(
                each.key,
                DocumentKind.BOLETO,
                each.title,
                each.invoice_number,
                instalment=each.instalment,
                due_on=each.due_on,
                title_state=self.settled.get(each.key, TitleState.OPEN),
            )
            for each in Document.objects.filter(company_id=company_id)
        ]

    def note_change(self, viewer: object, order_public_id: object, now: object) -> None:
        return None

    @contextmanager
    def open(
        self, connection: str, company_id: int, external_id: str, document_key: str, call: Call
    ) -> Iterator[DocumentStream]:
        yield DocumentStream(iter((PDF,)), "application/pdf")


@pytest.fixture(autouse=True)
def source(monkeypatch, settings, tmp_path) -> FakeSource:
    fake = FakeSource()
    monkeypatch.setattr(finance, "ConnectionDocuments", lambda: fake)
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    return fake


def make_pair(order, key: str, number: str, *, boleto: bool = True, **fields) -> Title:
    fields = {"due_on": TODAY + timedelta(days=5), "instalment": "1/1"} | fields
    if boleto:
        make_document(
            order,
            DocumentKind.BOLETO,
            key,
            invoice_number=number,
            due_on=fields["due_on"],
            instalment=fields["instalment"],
            title_state="open",
        )
    return make_title(order, key, invoice_number=number, **fields)


@pytest.fixture
def order(cast, sources):
    return make_order(cast.alfa, [(NumberKind.ERP, "4500123")], title="4500123")


@pytest.fixture
def titles(cast, order) -> dict[str, Title]:
    other = make_order(cast.alfa, [(NumberKind.ERP, "4500124")], title="4500124")
    return {
        "one": make_pair(order, "one", "1001"),
        "two": make_pair(other, "two", "1002"),
        "none": make_pair(order, "none", "1003", boleto=False, typeable_line=LINE),
        "bare": make_pair(order, "bare", "1004", boleto=False),
        "paid": make_pair(order, "paid", "1005", state="paid"),
    }


def post(client: Client, *chosen: Title | int, **more: str):
    ids = [getattr(each, "pk", each) for each in chosen]
    return client.post("/financeiro/boletos", {"sel": ids} | more)


def files_in(response) -> dict[str, bytes]:
    content = b"".join(response.streaming_content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def index_of(files: dict[str, bytes]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(files["index.csv"].decode("utf-8-sig")), delimiter=";"))[1:]


def pays(response) -> dict[str, str]:
    rows = parse(response).xpath("//table[contains(@class, 'titles')]/tbody/tr")
    return {
        row.xpath("string(.//th//*[@class='main'])"): link.get("href")
        for row in rows
        for link in row.xpath(".//a[span[text()='Pagar']]")
    }


def test_each_item_leads_to_where_it_is_paid(ana, order, titles):
    base = f"/pedidos/{order.public_id}"
    links = pays(ana.get("/financeiro"))

    boleto = Document.objects.get(key="one").public_id
    assert links["NF 1001"] == f"{base}/documentos/{boleto}/pagamento"
    assert links["NF 1003"] == f"{base}/pagamento?titulo={title_ref('none')}"
    # Nothing is known to pay it with.
    assert "NF 1004" not in links
    assert "NF 1005" not in pays(ana.get("/financeiro?state=all"))
    assert ana.get(links["NF 1003"]).status_code == 200


def test_the_selected_boletos_come_as_one_zip_with_what_has_none(ana, titles, source, cast):
    response = post(ana, *titles.values())

    assert response["Content-Disposition"] == 'attachment; filename="boletos-2026-03-10.zip"'
    assert response["Cache-Control"] == "private, no-store"
    files = files_in(response)
    pdfs = {name: content for name, content in files.items() if name.endswith(".pdf")}
    assert list(pdfs.values()) == [PDF, PDF]
    rows = {row[1].split("/")[0]: row for row in index_of(files)}
    assert sorted(rows) == ["NF 1001", "NF 1002", "NF 1003", "NF 1004", "NF 1005"]
    assert [rows[f"NF 100{n}"][0] for n in (1, 2)] == ["4500123", "4500124"]
    assert rows["NF 1001"][3] in pdfs
    assert rows["NF 1002"][3] in pdfs
    assert [rows[f"NF 100{n}"][3] for n in (3, 4, 5)] == ["", "", ""]
    assert rows["NF 1005"][5] == "Já foi pago."
    # Each order's source was asked whether its boleto is still to be paid.
    assert source.asked == [cast.alfa.pk] * 2
    actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["documents_packed", "document_downloaded", "document_downloaded"]


def test_what_was_paid_meanwhile_is_not_handed_out(ana, titles, source):
    source.settled["one"] = TitleState.PAID

    files = files_in(post(ana, titles["one"], titles["two"]))

    rows = {row[1].split("/")[0]: row for row in index_of(files)}
    assert [name for name in files if name.endswith(".pdf")] == [rows["NF 1002"][3]]
    assert (rows["NF 1001"][3], rows["NF 1001"][5]) == ("", "Já foi pago.")


def test_one_boleto_of_two_lines_is_handed_out_once(ana, order, titles):
    again = make_title(
        order, "again", invoice_number="1001", instalment="1/1", due_on=titles["one"].due_on
    )

    files = files_in(post(ana, titles["one"], again))

    assert len([name for name in files if name.endswith(".pdf")]) == 1


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ((), "Selecione os títulos cujos boletos você quer."),
        (("bare", "paid"), "Nenhum dos títulos selecionados tem boleto que possa ser baixado"),
        (("one", "many"), "Selecione no máximo 50 títulos."),
    ],
)
def test_why_there_is_no_zip_is_said_and_the_selection_kept(ana, titles, chosen, said):
    ids = [titles[each].pk for each in chosen if each in titles]
    ids += range(10_000_000, 10_000_050) if "many" in chosen else []

    response = post(ana, *ids, state="all")

    assert response.status_code == 302
    assert response["Location"].startswith("/financeiro?state=all")
    page = ana.get(response["Location"])
    assert said in words(page, "//main")
    ticked = parse(page).xpath("//input[@name='sel'][@checked]/@value")
    assert {int(each) for each in ticked} == {i for i in ids if i < 10_000_000}
    assert not AuditEvent.objects.filter(action="documents_packed").exists()


def test_without_scripts_the_selection_is_added_up_at_an_address(ana, titles):
    response = post(ana, titles["one"], number="1001", add="1")

    assert response["Location"] == f"/financeiro?number=1001&sel={titles['one'].pk}"


def test_the_page_offers_it_and_keeps_its_token_out_of_addresses(ana, titles):
    page = parse(ana.get("/financeiro"))

    [form] = page.xpath("//form[@data-selection]")
    assert (form.get("method"), form.get("action")) == ("post", "/financeiro/boletos")
    assert form.xpath(".//input[@name='csrfmiddlewaretoken']")
    assert "Baixar boletos (ZIP)" in form.text_content()


def test_a_forged_form_and_a_plain_address_get_nothing(cast, titles):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.ana, "allauth.account.auth_backends.AuthenticationBackend")

    assert post(client, titles["one"]).status_code == 403
    assert client.get("/financeiro/boletos").status_code == 405


@pytest.mark.parametrize("name", ["beto", "carla", "viewer"])
def test_nobody_takes_what_they_may_not_see(cast, client_for, titles, name):
    if name == "viewer":
        Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)
    client = client_for(cast.ana if name == "viewer" else getattr(cast, name))

    response = post(client, *titles.values())

    assert response.status_code == (404 if name == "viewer" else 302)
    assert set(AuditEvent.objects.values_list("action", flat=True)) <= {"not_visible"}


def test_a_kind_that_is_hidden_is_in_no_zip_and_behind_no_link(ana, order, titles):
    DocumentRule.objects.create(kind="boleto", effect="hide", changed_at=NOW)
    boletos = [str(each) for each in Document.objects.values_list("public_id", flat=True)]

    response = post(ana, *titles.values())
    page = ana.get("/financeiro").content.decode()

    assert response["Location"].startswith("/financeiro?")
    assert [each for each in boletos if each in page] == []


def test_a_boleto_that_went_to_another_company_before_it_was_read_is_left_out(cast, ana, titles):
    response = post(ana, titles["one"], titles["two"])
    Document.objects.filter(key="two").update(company=cast.beta)

    files = files_in(response)

    assert len([name for name in files if name.endswith(".pdf")]) == 1
    rows = {row[1].split("/")[0]: row for row in index_of(files)}
    assert rows["NF 1002"][3] == ""
