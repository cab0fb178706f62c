"""Hostile text in every field: shown as text on every page, and nothing of it takes effect."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.template.loader import render_to_string

from b2b_orders.accounts.models import Person
from b2b_orders.companies.models import Company
from b2b_orders.orders.models import Order
from b2b_orders.orders.services import store_readings
from erp_bridge.records import System
from tests.factories import CONNECTION_ERP, CONNECTION_VTEX, NOW, make_reading
from tests.factories.mails import MAILS, Everything
from tests.isolation import hostile
from tests.isolation.test_matrix import ROWS, site, undone  # noqa: F401 # a fixture
from tests.isolation.viewers import client_of

# At how many addresses each must at least see the text, or the test proves nothing.
VIEWERS = {
    "admin": 70,
    "support-acting": 70,
    "telesales-with-finance": 70,
    "operations": 70,
    "anonymous": 1,
}
ADDRESSES = {"href", "src", "action", "formaction", "poster", "data", "hx-get", "hx-post"}
# The last is what an app for codes of a second factor opens.
SCHEMES = {"", "http", "https", "mailto", "otpauth"}
FORMULA = re.compile(r"[=+@\t\r]|-(?![\d.,]+$)")
# In our own sample of a list to fill in, so that a spreadsheet keeps the zeros.
TAX_ID_AS_TEXT = re.compile(r'="[0-9A-Z]{14}"')
LINE_OF_ITS_OWN = re.compile(r"^X-Evil", re.MULTILINE)


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.shown = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            is_evil = tag == "x-evil" or name.startswith("on") or (name, value) == ("src", "x")
            is_link = name in ADDRESSES and urlsplit(value or "").scheme not in SCHEMES
            if is_evil or is_link:
                self.wrong.append(f"<{tag} {name}={value}>")
            self.shown += hostile.MARK in (value or "")
        if tag == "x-evil" and not attrs:
            self.wrong.append(f"<{tag}>")

    def handle_data(self, data):
        self.shown += hostile.MARK in data


def faults_of_csv(body: bytes) -> list[str]:
    """List the cells that a spreadsheet would take for a formula."""
    text = body.decode("utf-8-sig")
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    cells = [cell for row in rows for cell in row if not TAX_ID_AS_TEXT.fullmatch(cell)]
    return [cell for cell in cells if FORMULA.match(cell)]


def faults_of_archive(body: bytes) -> list[str]:
    """List names that would leave the place they are unpacked in, and formulas of a sheet."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        names = archive.namelist()
        if "xl/workbook.xml" in names:
            sheets = [name for name in names if name.startswith("xl/worksheets/")]
            return [name for name in sheets if re.search(rb"<f>|<hyperlink", archive.read(name))]
    return [
        name
        for name in names
        if name.startswith("/") or ".." in name or re.search(r"[\x00-\x1f<>:\\]", name)
    ]


def faults(response, body: bytes) -> list[str]:
    """List what a hostile text achieved in an answer."""
    if response.status_code == 500:
        return ["status 500"]
    wrong = [
        f"{name}: {value!r}" for name, value in response.items() if re.search(r"[\r\n]", value)
    ]
    wrong += ["a header of its own"] * ("X-Evil" in response.headers)
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if kind == "text/html":
        wrong += Page(body.decode()).wrong
    elif kind == "text/csv":
        wrong += faults_of_csv(body)
    elif kind == "text/calendar":
        wrong += LINE_OF_ITS_OWN.findall(body.decode())
    elif kind.endswith("json"):
        json.loads(body)
    elif (kind == "application/zip" and body != b"111") or kind.endswith("spreadsheetml.sheet"):
        wrong += faults_of_archive(body)
    return wrong


@pytest.fixture
def enemy(request, cast, site, client_for):  # noqa: F811 # the fixture
    """Alfa with one of everything, all of it worded by an enemy, and who looks at it."""
    clients = {kind: client_of(kind, cast, site, client_for) for kind in VIEWERS}
    text = hostile.TEXTS[request.param]
    for connection, placed_by in (
        (CONNECTION_ERP, {}),
        (CONNECTION_VTEX, {"system": System.VTEX, "external_id": "1172452900666-01"}),
    ):
        reading = make_reading(hostile.hostile_record(text, **placed_by))
        store_readings(connection=connection, readings=[reading], now=NOW, company_id=cast.alfa.pk)
    told = Order.objects.filter(company=cast.alfa).exclude(public_id=site.things.order)
    given = {Company: cast.alfa, Person: cast.ana, Order: told[0]}
    hostile.make_missing_rows(given)
    hostile.add_lines(company_id=cast.alfa.pk, person_id=cast.ana.pk, text=text)
    hostile.fill_rows(text)
    return site, clients, [order.public_id for order in told]


def addresses(site, kind: str, orders) -> list[str]:  # noqa: F811
    """List what a viewer asks for: every address, and what an address alone does not show."""
    found = [site.path(row.route) for row in ROWS if row.method == "GET"]
    start = f"/c/{site.company}" if kind.startswith(("support", "telesales")) else ""
    for order in orders:
        found += [f"{start}/pedidos/{order}", f"/api/v1/orders/{order}?company={site.company}"]
    return [*found, f"{start}/pedidos?q=%3Cx-evil%3E", "/atendimento?q=%3Cx-evil%3E"]


@pytest.mark.parametrize("enemy", hostile.TEXTS, indirect=True)
def test_hostile_text_is_text_at_every_address(enemy):
    site, clients, orders = enemy  # noqa: F811
    wrong, shown = {}, Counter()
    for kind, client in clients.items():
        client.raise_request_exception = False
        for address in addresses(site, kind, orders):
            with undone():
                response = client.get(address)
                body = (
                    b"".join(response.streaming_content) if response.streaming else response.content
                )
            if found := faults(response, body):
                wrong[f"{kind} {address}"] = found
            if response.headers.get("Content-Type", "").startswith("text/html"):
                shown[kind] += bool(Page(body.decode()).shown)

    assert wrong == {}
    assert {kind: shown[kind] for kind, least in VIEWERS.items() if shown[kind] < least} == {}


def test_no_field_that_takes_words_is_left_out_unsaid():
    listed = {f"{label}.{name}" for label, names in hostile.OURS.items() for name in names}
    known = {
        f"{model._meta.label}.{field.name}"
        for model in hostile.our_models()
        for field in model._meta.concrete_fields
    }

    assert listed - known == set()


@pytest.mark.parametrize("template", MAILS)
def test_hostile_text_is_text_in_every_mail(template):
    for text in hostile.TEXTS.values():
        plain = render_to_string(f"mail/{template}.txt", Everything(text))
        page = Page(render_to_string(f"mail/{template}.html", Everything(text)))

        # Addresses of pages are ours; a text that stood for one is no fault of the mail's.
        assert [one for one in page.wrong if " href=" not in one] == []
        assert page.shown > 0
        assert hostile.MARK in plain
        assert "&lt;" not in plain
