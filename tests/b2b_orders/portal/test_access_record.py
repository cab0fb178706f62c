"""A company reads who opened its orders and took its documents, the seller's people included."""

from __future__ import annotations

import csv
import io
import re
import uuid
from datetime import timedelta

import pytest

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.audit.services import record
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import Membership, Role, StaffRole
from b2b_orders.documents.models import Document
from b2b_orders.orders.models import OrderAlias
from b2b_orders.portal import words_audit
from erp_bridge.records import DocumentKind, NumberKind
from tests.factories import NOW, make_document, make_member, make_order

URL = "/empresa/acessos"
pytestmark = pytest.mark.usefixtures("english")


@pytest.fixture
def english(cast):
    for person in (cast.rita, cast.olga, cast.carla, cast.ana):
        person.language = "en"
        person.save()


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, [(NumberKind.ERP, "0004500123")])


@pytest.fixture
def boleto(order) -> Document:
    return make_document(order, DocumentKind.BOLETO, title="Boleto 1/3")


def do(person, action, company, thing=None, *, kind="order", passed=timedelta(0), **fields):
    actor = Actor(
        person.pk if person else None,
        fields.pop("role", None),
        fields.pop("address", "203.0.113.7"),
        "r" * 16,
        fields.pop("reason", ""),
    )
    record(
        action,
        actor=actor,
        company_id=company.pk,
        object_kind=kind if thing else "",
        object_id=str(thing.public_id) if thing else "",
        now=NOW - passed,
        **fields,
    )


def rows(response) -> list[list[str]]:
    """Read the table as text, row by row."""
    text = response.content.decode()
    assert response.status_code == 200, response.status_code
    found = []
    for row in re.findall(r"<tr>\s*<th scope=\"row\".*?</tr>", text, re.DOTALL):
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        found.append([" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells])
    return found


def test_an_administrator_reads_which_agent_took_which_document_and_why(
    cast, client_for, order, boleto
):
    do(
        cast.suzana,
        Action.DOCUMENT_DOWNLOADED,
        cast.alfa,
        boleto,
        kind="document",
        role=StaffRole.SUPPORT,
        reason="call 8812",
    )

    response = client_for(cast.rita).get(URL)

    assert rows(response) == [
        [
            "10:00",
            "Suzana Support",
            "Downloaded the document",
            "Boleto 1/3 · Order 0004500123",
            "call 8812",
            "203.0.113.7",
        ]
    ]
    assert f'href="/pedidos/{order.public_id}"' in response.content.decode()


def test_a_document_is_named_in_the_readers_language(cast, client_for, order):
    paper = make_document(
        order,
        DocumentKind.BOLETO,
        title="Boleto 1/3 - NF 1001 venc. 01/12/2026 - R$ 3.220,00",
        instalment="1/3",
        invoice_number="1001",
    )
    xml = make_document(
        order, DocumentKind.NFE_XML, key="x", title="XML da NF-e 1001", invoice_number="1001"
    )
    do(cast.ana, Action.DOCUMENT_DOWNLOADED, cast.alfa, paper, kind="document")
    do(
        *(cast.ana, Action.DOCUMENT_DOWNLOADED, cast.alfa, xml),
        kind="document",
        passed=timedelta(minutes=1),
    )

    assert [row[3] for row in rows(client_for(cast.rita).get(URL))] == [
        "Boleto 1/3 · NF 1001 · Order 0004500123",
        "NF-e XML · NF 1001 · Order 0004500123",
    ]


def test_the_record_tells_no_amount_to_whom_it_is_not_shown(cast, client_for, order):
    slip = make_document(order, DocumentKind.OTHER, title="Recibo R$ 3.220,00", amount="3220.00")
    Membership.objects.filter(person=cast.rita).update(sees_prices=False)
    do(cast.ana, Action.DOCUMENT_DOWNLOADED, cast.alfa, slip, kind="document")

    assert rows(client_for(cast.rita).get(URL))[0][3] == "Recibo · Order 0004500123"


def test_a_subject_that_says_nothing_is_left_empty(cast, client_for):
    for kind in ("lookup", "address", "acting", "number"):
        do(cast.ana, Action.NOT_VISIBLE, cast.alfa, cast.ana, kind=kind)

    assert [row[3] for row in rows(client_for(cast.rita).get(URL))] == [""] * 4


def test_reading_the_record_is_a_line_itself(cast, client_for):
    client = client_for(cast.rita)
    client.get(f"{URL}?equipe=1")

    event = AuditEvent.objects.get()
    assert (event.action, event.person_id, event.company_id) == (
        Action.ACCESS_RECORD_READ,
        cast.rita.pk,
        cast.alfa.pk,
    )
    assert event.detail == {"filter": {"equipe": "1"}}
    assert [row[1:3] for row in rows(client.get(URL))] == [["Rita", "Read the access record"]]


@pytest.mark.parametrize("who", ["ana", "bruno", "carla", "davi", "beto"])
@pytest.mark.parametrize("path", [URL, f"{URL}/exportar"])
def test_without_the_right_there_is_no_record(cast, client_for, who, path):
    assert client_for(getattr(cast, who)).get(path).status_code == 404


@pytest.mark.parametrize("path", [URL, f"{URL}/exportar"])
def test_staff_never_read_it_not_even_while_acting(cast, client_for, path, order):
    client = client_for(cast.suzana)
    client.post(
        "/atendimento/atuar", {"order": order.public_id, "q": "0004500123", "reason": "call 8812"}
    )
    assert client.get(f"/c/{cast.alfa.public_id}/pedidos").status_code == 200

    assert client.get(f"/c/{cast.alfa.public_id}{path}").status_code == 404
    assert client_for(cast.teo).get(f"/c/{cast.alfa.public_id}{path}").status_code == 404
    assert client_for(cast.olga).get(path).status_code != 200


def test_lines_of_other_companies_never_show(cast, client_for, order):
    betas = make_order(cast.beta, [(NumberKind.ERP, "777")])
    do(cast.beto, Action.ORDER_VIEWED, cast.beta, betas)
    do(cast.beto, Action.ORDER_VIEWED, cast.beta, order)
    do(cast.davi, Action.LOGIN, cast.beta)

    client = client_for(cast.rita)
    for query in ("", "?pedido=777", f"?pessoa={cast.beto.public_id}", "?acao=pedidos"):
        response = client.get(URL + query)
        assert {row[1] for row in rows(response)} <= {"Rita"}
        assert "777" not in response.content.decode().replace('value="777"', "").replace(
            "pedido=777", ""
        )
        assert "Beto" not in response.content.decode()


def test_an_order_that_moved_to_another_company_is_not_named(cast, client_for, order):
    do(cast.ana, Action.ORDER_VIEWED, cast.alfa, order)
    type(order).objects.filter(pk=order.pk).update(company=cast.beta, establishment=cast.beta_main)

    (row,) = rows(client_for(cast.rita).get(URL))

    assert row[2:4] == ["Opened the order", "An order that is not shown any more"]


def test_an_administrator_of_a_branch_reads_what_concerns_the_branch(
    cast, client_for, order, boleto
):
    Membership.objects.filter(person=cast.carla).update(role=Role.ADMIN)
    branch = make_order(cast.alfa, [(NumberKind.ERP, "4502")], establishment=cast.alfa_branch)
    xml = make_document(branch, DocumentKind.NFE_XML, key="x", title="XML")
    joined = uuid.uuid4()
    OrderAlias.objects.create(public_id=joined, order=branch, company=cast.alfa)
    for thing, kind in ((order, "order"), (boleto, "document"), (branch, "order")):
        do(cast.ana, Action.ORDER_VIEWED, cast.alfa, thing, kind=kind)
    do(cast.ana, Action.DOCUMENT_DOWNLOADED, cast.alfa, xml, kind="document")
    do(cast.rita, Action.MEMBER_REMOVED, cast.alfa)
    record(
        Action.ORDER_VIEWED,
        actor=Actor(cast.ana.pk),
        company_id=cast.alfa.pk,
        object_kind="order",
        object_id=str(joined),
        now=NOW - timedelta(minutes=1),
    )

    of_branch = rows(client_for(cast.carla).get(URL))

    assert [row[3] for row in of_branch] == [
        "XML · Order 4502",
        "Order 4502",
        "Order 4502",
    ]
    assert len(rows(client_for(cast.rita).get(URL))) == 7  # and Carla's own reading


def test_a_branch_where_little_happened_is_looked_for_some_lines_at_a_time(
    cast, client_for, order, monkeypatch
):
    monkeypatch.setattr("b2b_orders.documents.accesses._WINDOW", 2)
    monkeypatch.setattr("b2b_orders.documents.accesses._WINDOWS", 2)
    Membership.objects.filter(person=cast.carla).update(role=Role.ADMIN)
    branch = make_order(cast.alfa, [(NumberKind.ERP, "4502")], establishment=cast.alfa_branch)
    for hour in range(12):
        thing = branch if hour in {5, 11} else order
        do(cast.ana, Action.ORDER_VIEWED, cast.alfa, thing, passed=timedelta(hours=hour))
    client, url, pages = client_for(cast.carla), f"{URL}?acao=pedidos", []
    while url:
        response = client.get(url)
        pages.append([row[3] for row in rows(response)])
        text = response.content.decode()
        assert ("nothing of your branches" in text) is (not pages[-1] and 'rel="next"' in text)
        older = re.search(r'href="([^"]+)" rel="next"', text)
        url = older[1].replace("&amp;", "&") if older else ""

    assert pages == [[], ["Order 4502"], ["Order 4502"], []]


def test_filters_narrow_and_go_together(cast, client_for, order, boleto):
    do(cast.ana, Action.ORDER_VIEWED, cast.alfa, order, passed=timedelta(days=3))
    do(cast.bruno, Action.DOCUMENT_DOWNLOADED, cast.alfa, boleto, kind="document")
    do(
        cast.suzana,
        Action.ORDER_VIEWED,
        cast.alfa,
        make_order(cast.alfa, [(NumberKind.ERP, "999")]),
        role=StaffRole.SUPPORT,
        reason="call 1",
        passed=timedelta(days=1),
    )
    client = client_for(cast.rita)

    def people(query: str) -> list[str]:
        return [row[1] for row in rows(client.get(f"{URL}?{query}")) if row[1] != "Rita"]

    assert people("") == ["Bruno", "Suzana Support", "Ana"]
    assert people(f"pessoa={cast.ana.public_id}") == ["Ana"]
    assert people("equipe=1") == ["Suzana Support"]
    assert people("acao=documentos") == ["Bruno"]
    assert people("pedido=0004500123") == ["Bruno", "Ana"]
    assert people("pedido=4711") == []
    assert people(f"documento={boleto.public_id}") == ["Bruno"]
    assert people("de=2026-03-09&ate=2026-03-09") == ["Suzana Support"]
    assert people("pedido=0004500123&acao=pedidos") == ["Ana"]
    assert people("acao=nothing") == ["Bruno", "Suzana Support", "Ana"]


@pytest.mark.parametrize(
    "query",
    ["de=yesterday", "pessoa=1", "documento=x", "de=0001-01-01", "ate=9999-12-31", "after=x"],
)
def test_what_cannot_be_read_narrows_nothing(cast, client_for, order, query):
    do(cast.ana, Action.ORDER_VIEWED, cast.alfa, order)

    assert [row[1] for row in rows(client_for(cast.rita).get(f"{URL}?{query}"))] == ["Ana"]


def test_pages_follow_each_other_without_a_gap(cast, client_for, order, monkeypatch):
    monkeypatch.setattr("b2b_orders.portal.views.access_record.PAGE", 3)
    for minute in range(7):
        do(
            cast.ana,
            Action.ORDER_VIEWED,
            cast.alfa,
            order,
            # Two at the same moment: the id tells them apart.
            passed=timedelta(minutes=minute // 2),
            address=f"10.0.0.{minute}",
        )
    client, url, seen = client_for(cast.rita), f"{URL}?acao=pedidos", []
    while url:
        response = client.get(url)
        seen += [row[5] for row in rows(response)]
        older = re.search(r'href="([^"]+)" rel="next"', response.content.decode())
        url = older[1].replace("&amp;", "&") if older else ""

    assert sorted(seen) == [f"10.0.0.{minute}" for minute in range(7)]


def test_the_export_has_what_is_filtered_and_runs_nothing(
    cast, client_for, order, boleto, monkeypatch
):
    monkeypatch.setattr("b2b_orders.portal.views.access_record.EXPORT_PAGE", 2)
    cast.ana.name = "=HYPERLINK(1)"
    cast.ana.save()
    for _ in range(5):
        do(cast.ana, Action.ORDER_VIEWED, cast.alfa, order, reason="+1")
    do(cast.bruno, Action.DOCUMENT_DOWNLOADED, cast.alfa, boleto, kind="document")

    response = client_for(cast.rita).get(f"{URL}/exportar?acao=pedidos")

    text = b"".join(response.streaming_content).decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(text)))
    assert table[0] == [
        *("When", "Who", "Role at the supplier", "Reason", "What", "Subject", "More", "IP address")
    ]
    assert len(table) == 6
    assert table[1][1:] == [
        *("'=HYPERLINK(1)", "", "'+1", "Opened the order", "Order 0004500123", ""),
        "203.0.113.7",
    ]
    assert response["Content-Disposition"] == (
        'attachment; filename="access-record-2026-03-10.csv"'
    )
    line = AuditEvent.objects.get(action=Action.ACCESS_RECORD_READ)
    assert line.detail == {"filter": {"acao": "pedidos"}, "how": "export"}


def test_the_order_says_who_opened_it_to_whoever_has_the_right(cast, client_for, order):
    do(
        cast.suzana,
        Action.ORDER_VIEWED,
        cast.alfa,
        order,
        role=StaffRole.SUPPORT,
        reason="call 8812",
    )
    page = f"/pedidos/{order.public_id}"

    shown = client_for(cast.rita).get(page).content.decode()

    card = shown.split('id="accesses"')[1].split("</section>")[0]
    assert re.sub(r"<[^>]+>|\s+", " ", card).split("Access record")[1].split() == (
        ["10:00", "·", "Suzana", "(Support)", "·", "Opened", "the", "order", "·", "call", "8812"]
    )
    assert 'href="/empresa/acessos?pedido=0004500123"' in card
    assert 'id="accesses"' not in client_for(cast.ana).get(page).content.decode()


def test_a_document_that_the_administrator_may_not_see_is_not_named(
    cast, client_for, order, boleto
):
    Membership.objects.filter(person=cast.rita).update(sees_finance=False)
    do(cast.bruno, Action.DOCUMENT_DOWNLOADED, cast.alfa, boleto, kind="document")

    response = client_for(cast.rita).get(URL)

    assert rows(response)[0][3] == "Document"
    assert "Boleto" not in response.content.decode()


def test_the_record_is_read_in_a_bounded_number_of_statements(
    cast, client_for, order, boleto, django_assert_max_num_queries
):
    client = client_for(cast.rita)
    for _ in range(30):
        do(cast.ana, Action.ORDER_VIEWED, cast.alfa, order)
        do(cast.ana, Action.DOCUMENT_DOWNLOADED, cast.alfa, boleto, kind="document")

    with django_assert_max_num_queries(17):
        client.get(URL)


def test_a_member_with_the_right_alone_reads_the_record(cast, client_for):
    make_member(cast.beto, cast.alfa, Role.VIEWER)
    Membership.objects.filter(person=cast.beto, company=cast.alfa).update(sees_access_record=True)
    client = client_for(cast.beto)

    link = client.get(f"/c/{cast.alfa.public_id}{URL}").content.decode()
    assert 'action="/empresa/trocar"' in link
    assert "<table" not in link
    client.post("/empresa/trocar", {"company": str(cast.alfa.public_id)})
    assert client.get(URL).status_code == 200


def test_the_record_is_a_page_of_the_administration_to_whoever_may_read_it(cast, client_for):
    tab = f'<a href="{URL}" aria-current="page">'
    rita = client_for(cast.rita)
    assert tab in rita.get(URL).content.decode()
    assert f'<a href="{URL}">' in rita.get("/empresa/pessoas").content.decode()

    Membership.objects.filter(person=cast.rita).update(sees_access_record=False)
    assert URL not in rita.get("/empresa/pessoas").content.decode()


def test_what_was_done_to_people_is_said_in_words(cast, client_for):
    given = {"role": "buyer", "establishments": None, "rights": {"sees_finance": False}}
    less = {"role": "viewer", "establishments": [7, 8], "rights": {}}
    asked = {"email": "nova@example.com"}
    do(cast.rita, Action.PERSON_INVITED, cast.alfa, detail=asked | given)
    do(
        *(cast.rita, Action.MEMBER_CHANGED, cast.alfa, cast.ana),
        kind="person",
        passed=timedelta(minutes=1),
        detail={"before": given, "after": less},
    )
    do(
        *(cast.rita, Action.JOIN_DECIDED, cast.alfa),
        passed=timedelta(minutes=2),
        detail=asked | {"state": "declined"},
    )
    do(
        *(cast.rita, Action.COMPANY_CHANGED, cast.alfa, cast.alfa),
        kind="company",
        passed=timedelta(minutes=3),
        detail={
            "before": {"requires_second_factor": False, "may_join": [], "default_scope": "company"},
            "after": {
                "requires_second_factor": True,
                "may_join": ["example.com"],
                "default_scope": "company",
            },
        },
    )
    do(
        *(cast.rita, Action.MEMBER_REMOVED, cast.alfa, cast.beto),
        kind="person",
        passed=timedelta(minutes=4),
        detail={"before": less},
    )

    found = rows(client_for(cast.rita).get(f"{URL}?acao=pessoas"))

    assert [row[2:4] for row in found] == [
        ["Invited a person nova@example.com, Buyer, whole company, without finance", ""],
        [
            (
                "Changed a person&#x27;s rights Buyer, whole company, without finance"
                " → Read only, 2 branches"
            ),
            "Ana",
        ],
        ["Decided on a request to join nova@example.com, Declined", ""],
        [
            (
                "Changed the company&#x27;s settings Second factor for everybody: No → Yes;"
                " May ask to join: none → example.com"
            ),
            "Company",
        ],
        # Whoever is not of the company is not named.
        ["Removed a person Read only, 2 branches", "Person"],
    ]


def test_every_action_has_words():
    assert {str(action) for action in Action} == set(words_audit.ACTION)
