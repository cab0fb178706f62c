"""Every address of the site, with every object of another company: it does not exist."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from b2b_orders.audit.models import PersonExport
from b2b_orders.documents.models import ListExport, Pack
from b2b_orders.ingest.models import Connection, Errand, Lookup
from b2b_orders.orders.models import AddedNumber, OrderAlias, SavedView
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_document, make_order

# Every route of the site. A new one fails the test below until it stands here, and with
# that in the proof if it names an object.
WITHOUT_OBJECTS = {
    "healthz",
    "readyz",
    "metrics",
    "robots.txt",
    "marca/<str:digest>/<str:name>",
    "sw.js",
    "sem-conexao",
    "_galeria",
    ".well-known/security.txt",
    "atendimento/perguntas",
    "vtex/hook",
    "accounts/login/",
    "accounts/logout/",
    "accounts/inactive/",
    "accounts/shop-code/",
    "accounts/oidc/<slug:slug>/login/",
    "accounts/oidc/<slug:slug>/login/callback/",
    "accounts/saml/<slug:slug>/login/",
    "accounts/saml/<slug:slug>/acs/",
    "accounts/saml/<slug:slug>/acs/finish/",
    "accounts/saml/<slug:slug>/metadata/",
    "accounts/login/code/",
    "accounts/login/code/confirm/",
    "accounts/reauthenticate/",
    "accounts/password/change/",
    "accounts/password/set/",
    "accounts/password/reset/",
    "accounts/password/reset/done/",
    "accounts/password/reset/key/done/",
    "accounts/2fa/",
    "accounts/2fa/authenticate/",
    "accounts/2fa/reauthenticate/",
    "accounts/2fa/totp/activate/",
    "accounts/2fa/totp/deactivate/",
    "accounts/2fa/recovery-codes/",
    "accounts/2fa/recovery-codes/generate/",
    "accounts/2fa/recovery-codes/download/",
    "accounts/2fa/webauthn/add/",
    "accounts/2fa/webauthn/login/",
    "accounts/2fa/webauthn/reauthenticate/",
    "conta",
    "conta/nome",
    "conta/preferencias",
    "conta/boas-vindas",
    "filiais",
    "c/<uuid:company>/filiais",
    "ajuda",
    "c/<uuid:company>/ajuda",
    "conta/sessoes/encerrar",
    "conta/segundo-fator",
    "conta/confirmar",
    "api/v1/orders",
    "api/v1/sources",
    "api/v1/titles",
    "calendario",
    "",
    "idioma",
    "empresa/trocar",
    "atendimento",
    "atendimento/atuar",
    "atendimento/encerrar",
    "atendimento/tempo",
    "atendimento/avisos",
    "atendimento/avisos/esquecer",
    "c/<uuid:company>/atuacao",
    "c/<uuid:company>/atuacao/visao",
    "c/<uuid:company>/atuacao/motivo",
    "c/<uuid:company>/atuacao/continuar",
    "televendas",
    "televendas/procura",
    "televendas/clientes",
    "televendas/clientes/exportar",
    "pedidos",
    "pedidos/procurar",
    "pedidos/sugestoes",
    "c/<uuid:company>/pedidos/sugestoes",
    "paleta",
    "c/<uuid:company>/paleta",
    "reconhecer",
    "conta/atalhos",
    "c/<uuid:company>/pedidos",
    "c/<uuid:company>/pedidos/procurar",
    "financeiro",
    "financeiro/exportar",
    "financeiro/boletos",
    "c/<uuid:company>/financeiro/boletos",
    "financeiro/calendario",
    "financeiro/calendario/endereco",
    "financeiro/calendario/encerrar",
    "c/<uuid:company>/financeiro",
    "c/<uuid:company>/financeiro/exportar",
    "c/<uuid:company>/financeiro/calendario",
    "c/<uuid:company>/financeiro/calendario/endereco",
    "c/<uuid:company>/financeiro/calendario/encerrar",
    "d",
    "conta/meus-dados",
    "conta/avisos",
    "conta/avisos/escolhas",
    "conta/avisos/teste",
    "parar-avisos",
    "pedidos/seguir",
    "c/<uuid:company>/pedidos/seguir",
    "empresa/acessos",
    "empresa/acessos/exportar",
    "c/<uuid:company>/empresa/acessos",
    "c/<uuid:company>/empresa/acessos/exportar",
    "documentos",
    "documentos/pacotes",
    "convite",
    "entrar-na-empresa",
    "confirmar-endereco",
    "c/<uuid:company>/documentos",
    "c/<uuid:company>/documentos/pacotes",
}
WITHOUT_OBJECTS |= {
    f"{company}pedidos/{what}"
    for company in ("", "c/<uuid:company>/")
    for what in ("colunas", "visoes", "exportar", "exportacoes", "selecao", "lote")
}
# Of one person alone, whatever company they are in; proven in portal/test_account.py,
# test_second_factor.py, test_signing.py and test_notices.py.
PERSON_ROUTES = {
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
    "accounts/2fa/webauthn/keys/<int:pk>/remove/",
    "conta/sessoes/<int:session>/encerrar",
    "conta/avisos/<uuid:public_id>",
    "conta/avisos/<uuid:public_id>/encerrar",
    "conta/avisos/documentos/<uuid:public_id>/encerrar",
}
# Of operations alone; to everybody else they do not exist.
OPERATIONS_ROUTES = {
    "operacao",
    "operacao/conexoes/<str:name>",
    "operacao/retidos",
    "operacao/situacoes",
    "operacao/sem-empresa",
    "operacao/empresas",
    "operacao/empresas/conflitos",
    "operacao/empresas/alteracoes",
    "operacao/empresas/alteracoes/<uuid:public_id>",
    "operacao/empresas/importar",
    "operacao/empresas/importar/modelo",
    "operacao/empresas/importar/<uuid:public_id>",
    "operacao/empresas/importar/<uuid:public_id>/csv",
    "operacao/empresas/<uuid:public_id>",
    "operacao/divergencias",
    "operacao/acesso",
    "operacao/documentos",
    "operacao/recusas",
    "operacao/execucoes",
    "operacao/auditoria",
    "operacao/auditoria/exportar",
    "operacao/dados-pessoais",
    "operacao/dados-pessoais/<uuid:public_id>",
    "operacao/tarefas/<uuid:public_id>",
    "operacao/equipe",
    "operacao/equipe/<uuid:public_id>",
}
ORDER_ROUTES = {
    "api/v1/orders/<uuid:public_id>",
    "pedidos/<uuid:public_id>",
    "pedidos/<uuid:public_id>/atualizar",
    "pedidos/<uuid:public_id>/fontes",
    *(
        f"{company}pedidos/<uuid:public_id>/{part}"
        for company in ("", "c/<uuid:company>/")
        for part in ("itens", "documentos", "financeiro", "historico")
    ),
    "pedidos/<uuid:public_id>/lado-a-lado",
    "pedidos/<uuid:public_id>/pagamento",
    "pedidos/<uuid:public_id>/seguir",
    "c/<uuid:company>/pedidos/<uuid:public_id>/seguir",
    "pedidos/<uuid:public_id>/perguntar",
    "c/<uuid:company>/pedidos/<uuid:public_id>/perguntar",
    "pedidos/<uuid:public_id>/numeros",
    "c/<uuid:company>/pedidos/<uuid:public_id>/numeros",
    "c/<uuid:company>/pedidos/<uuid:public_id>",
    "c/<uuid:company>/pedidos/<uuid:public_id>/atualizar",
    "c/<uuid:company>/pedidos/<uuid:public_id>/fontes",
    "c/<uuid:company>/pedidos/<uuid:public_id>/lado-a-lado",
    "pedidos/<uuid:public_id>/documentos/zip",
    "c/<uuid:company>/pedidos/<uuid:public_id>/documentos/zip",
    "c/<uuid:company>/pedidos/<uuid:public_id>/pagamento",
}
LOOKUP_ROUTES = {
    "pedidos/procurar/<uuid:public_id>",
    "c/<uuid:company>/pedidos/procurar/<uuid:public_id>",
}
# Of a page that we make of an XML.
MAKING_ROUTES = {
    "pedidos/<uuid:order>/documentos/<uuid:public_id>/preparo",
    "c/<uuid:company>/pedidos/<uuid:order>/documentos/<uuid:public_id>/preparo",
}
DOCUMENT_ROUTES = (
    MAKING_ROUTES
    | {
        "pedidos/<uuid:order>/documentos/<uuid:public_id>",
        "pedidos/<uuid:order>/documentos/<uuid:public_id>/aviso",
        "c/<uuid:company>/pedidos/<uuid:order>/documentos/<uuid:public_id>/aviso",
        "c/<uuid:company>/pedidos/<uuid:order>/documentos/<uuid:public_id>",
        "api/v1/orders/<uuid:order>/documents/<uuid:public_id>",
    }
    | {
        f"{company}pedidos/<uuid:order>/documentos/<uuid:public_id>/{what}"
        for company in ("", "c/<uuid:company>/")
        for what in ("ver", "enviar", "enviar/email", "enviar/link", "pagamento")
    }
)
PACK_ROUTES = {
    f"{company}documentos/pacotes/<uuid:public_id>/{what}"
    for company in ("", "c/<uuid:company>/")
    for what in ("apagar", "<int:number>")
}
SHARE_ROUTES = {
    "documentos/links/<uuid:public_id>/revogar",
    "c/<uuid:company>/documentos/links/<uuid:public_id>/revogar",
}
QUESTION_ROUTES = {
    "pedidos/<uuid:order>/perguntas/<uuid:public_id>",
    "c/<uuid:company>/pedidos/<uuid:order>/perguntas/<uuid:public_id>",
}
# Of a company's administrators; what they name is proven in test_people.py.
PEOPLE_ROUTES = {
    f"{company}empresa/{what}"
    for company in ("", "c/<uuid:company>/")
    for what in (
        "pessoas",
        "pessoas/exportar",
        "pessoas/importar",
        "pessoas/importar/modelo",
        "pessoas/importar/<uuid:public_id>",
        "pessoas/<uuid:public_id>",
        "pessoas/<uuid:public_id>/remover",
        "pessoas/<uuid:public_id>/sessoes",
        "convites",
        "convites/novo",
        "convites/<uuid:public_id>/reenviar",
        "convites/<uuid:public_id>/revogar",
        "solicitacoes",
        "solicitacoes/<uuid:public_id>",
        "ajustes",
    )
}
# Of a number that somebody added to an order.
NUMBER_ROUTES = {
    f"{company}pedidos/<uuid:order>/numeros/<uuid:public_id>/retirar"
    for company in ("", "c/<uuid:company>/")
}
# The sheet of a customer: of telesales alone, and of their own customers.
CUSTOMER_ROUTES = {"televendas/clientes/<uuid:company>"}
# Of a person alone, whatever the company.
EXPORT_ROUTES = {"conta/meus-dados/<uuid:public_id>"}
# Of a list as a file, and of a saved view.
LIST_EXPORT_ROUTES = {
    f"{company}pedidos/exportacoes/<uuid:public_id>{what}"
    for company in ("", "c/<uuid:company>/")
    for what in ("", "/apagar")
}
VIEW_ROUTES = {
    f"{company}pedidos/visoes/<uuid:public_id>{what}"
    for company in ("", "c/<uuid:company>/")
    for what in ("", "/apagar")
}
OBJECT_ROUTES = (
    ORDER_ROUTES
    | LIST_EXPORT_ROUTES
    | VIEW_ROUTES
    | LOOKUP_ROUTES
    | DOCUMENT_ROUTES
    | PACK_ROUTES
    | SHARE_ROUTES
    | QUESTION_ROUTES
    | NUMBER_ROUTES
    | EXPORT_ROUTES
)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UUID_IN_BODY = re.compile(UUID.pattern.encode())
PER_REQUEST = re.compile(
    rb'(?<=name="csrfmiddlewaretoken" value=")\w+|(?<=nonce=")[^"]+'
    rb'|(?<=class="mono">)[0-9A-F]{4}(?=</span>)'
)
# Values that a statement carries: whole texts, numbers that stand alone, savepoints.
VALUE_IN_STATEMENT = re.compile(r"'(?:[^']|'')*'|\b[0-9]+\b|\bs[0-9]+_x[0-9]+\b")
PER_REQUEST_HEADERS = {"X-Request-Id", "Content-Security-Policy", "Set-Cookie"}


def routes(patterns=None, prefix="") -> Iterator[str]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def test_every_address_of_the_site_is_listed_here():
    assert set(routes()) == (
        WITHOUT_OBJECTS
        | PERSON_ROUTES
        | OPERATIONS_ROUTES
        | CUSTOMER_ROUTES
        | OBJECT_ROUTES
        | PEOPLE_ROUTES
    )


@dataclass(frozen=True)
class Things:
    """One object of each kind that an address can name."""

    order: uuid.UUID = field(default_factory=uuid.uuid4)
    joined_order: uuid.UUID = field(default_factory=uuid.uuid4)
    document: uuid.UUID = field(default_factory=uuid.uuid4)
    lookup: uuid.UUID = field(default_factory=uuid.uuid4)
    pack: uuid.UUID = field(default_factory=uuid.uuid4)
    share: uuid.UUID = field(default_factory=uuid.uuid4)
    rendered: uuid.UUID = field(default_factory=uuid.uuid4)
    question: uuid.UUID = field(default_factory=uuid.uuid4)
    number: uuid.UUID = field(default_factory=uuid.uuid4)
    export: uuid.UUID = field(default_factory=uuid.uuid4)
    list_export: uuid.UUID = field(default_factory=uuid.uuid4)
    view: uuid.UUID = field(default_factory=uuid.uuid4)


def make_things(company, number, **order_fields) -> Things:
    order = make_order(
        company, [(NumberKind.ERP, number), (NumberKind.CUSTOMER, "PO 1")], **order_fields
    )
    alias = OrderAlias.objects.create(public_id=uuid.uuid4(), order=order, company=company)
    lookup = Lookup.objects.create(company=company, value=number, asked_at=NOW, state="not_found")
    document = make_document(order)
    person = company.memberships.order_by("pk")[0].person
    own = {"company": company, "person": person}
    pack = Pack.objects.create(
        **own,
        language="en",
        state="done",
        asked_at=NOW,
        expires_at=timezone.now() + timedelta(days=1),
        filter={"is_staff": False},
    )
    pack.parts.create(
        company=company, number=1, name="x", size=1, count=1, made_at=NOW, documents=[document.pk]
    )
    share = document.shares.create(
        **own,
        token_hash=number,
        created_at=NOW,
        expires_at=timezone.now() + timedelta(days=1),
    )
    rendered = make_document(order, key="rendered", origin="rendered", made_from=document)
    question = order.questions.create(**own, text="?", asked_at=NOW)
    added = AddedNumber.objects.create(
        **own,
        connection=document.record.connection,
        external_id=document.record.external_id,
        written="OC 1",
        added_at=NOW,
    )
    export = PersonExport.objects.create(
        person=company.memberships.order_by("-pk")[0].person,
        asked_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=1),
        content=b"111",
    )
    listed = ListExport.objects.create(
        **own,
        language="en",
        format="csv",
        state="done",
        name="exports/x",
        asked_at=NOW,
        expires_at=timezone.now() + timedelta(days=1),
    )
    view = SavedView.objects.create(**own, name=number, created_at=NOW, changed_at=NOW)
    return Things(
        order.public_id,
        alias.public_id,
        document.public_id,
        lookup.public_id,
        pack.public_id,
        share.public_id,
        rendered.public_id,
        question.public_id,
        added.public_id,
        export.public_id,
        listed.public_id,
        view.public_id,
    )


def addresses_of(route: str, company: uuid.UUID, things: Things, own: Things) -> list[str]:
    """Fill a route with an object, alone and, for a document, below an own order."""
    path = "/" + route.replace("<uuid:company>", str(company)).replace("<int:number>", "1")
    alone = {
        **dict.fromkeys(PACK_ROUTES, things.pack),
        **dict.fromkeys(SHARE_ROUTES, things.share),
        **dict.fromkeys(LIST_EXPORT_ROUTES, things.list_export),
        **dict.fromkeys(VIEW_ROUTES, things.view),
    }
    if route in alone:
        return [path.replace("<uuid:public_id>", str(alone[route]))]
    if route in EXPORT_ROUTES:
        return [path.replace("<uuid:public_id>", str(things.export))]
    if route in LOOKUP_ROUTES:
        return [path.replace("<uuid:public_id>", str(things.lookup))]
    if route in ORDER_ROUTES:
        return [
            path.replace("<uuid:public_id>", str(order))
            for order in (things.order, things.joined_order)
        ]
    document = things.rendered if route in MAKING_ROUTES else things.document
    if route in QUESTION_ROUTES:
        document = things.question
    if route in NUMBER_ROUTES:
        document = things.number
    with_document = path.replace("<uuid:public_id>", str(document))
    return [
        with_document.replace("<uuid:order>", str(order)) for order in (things.order, own.order)
    ]


def answer(client, method: str, address: str) -> tuple[int, dict[str, str], bytes, list[str]]:
    """Return status, headers, body and statements, without what names the request."""
    headers = {"HX-Request": "true"} if method == "htmx" else {}
    send = client.post if method == "post" else client.get
    with CaptureQueriesContext(connection) as captured:
        response = send(address, headers=headers)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    assert response.status_code < 500
    return (
        response.status_code,
        {
            name: UUID.sub("id", value)
            for name, value in response.items()
            if name not in PER_REQUEST_HEADERS
        },
        PER_REQUEST.sub(b"-", UUID_IN_BODY.sub(b"id", body)),
        [VALUE_IN_STATEMENT.sub("?", query["sql"]) for query in captured.captured_queries],
    )


def is_unknown(status: int, headers: dict[str, str]) -> bool:
    """Say whether an answer gives nothing away: the way to an order's page is shown unread.

    Who acts for a company is refused before anything is looked for: 403.
    """
    is_shown = status == 302 and headers["Location"].endswith("/pedidos/id")
    return status in {403, 404, 405} or is_shown


@pytest.fixture
def alfas(cast):
    return make_things(cast.alfa, "111")


@pytest.fixture
def betas(cast):
    return make_things(cast.beta, "222")


def start_acting(client, order_number, order):
    response = client.post(
        reverse("portal:act"), {"q": order_number, "order": str(order), "reason": "call 4711"}
    )
    assert response.status_code == 302


# who looks, and at which company's address; Davi belongs to Beta too, and looks at Alfa
LOOKING_AT_ALFA = ["ana", "carla", "davi", "suzana", "teo"]


def routes_of(name: str) -> list[str]:
    by_company = name in {"suzana", "teo"}
    return sorted(
        route
        for route in OBJECT_ROUTES
        if route.startswith("api/") or route.startswith("c/") == by_company
    )


@pytest.mark.parametrize("method", ["get", "htmx", "post"])
@pytest.mark.parametrize("name", LOOKING_AT_ALFA)
def test_nothing_of_another_company_exists(cast, client_for, alfas, betas, name, method):
    client = client_for(getattr(cast, name))
    if name == "suzana":
        start_acting(client, "111", alfas.order)
    query = f"?company={cast.alfa.public_id}" if name in {"suzana", "teo"} else ""
    client.get("/api/v1/orders" + query)  # the first request of a session also chooses
    compared = 0

    for route in routes_of(name):
        ending = query if route.startswith("api/") else ""
        pairs = zip(
            addresses_of(route, cast.alfa.public_id, betas, alfas),
            addresses_of(route, cast.alfa.public_id, Things(), alfas),
            strict=True,
        )
        for theirs, never in pairs:
            unknown = answer(client, method, never + ending)
            assert answer(client, method, theirs + ending) == unknown
            assert is_unknown(*unknown[:2])
            compared += 1

    # Staff have no file of a person below a company's address.
    assert compared == 58 + (name not in {"suzana", "teo"})


@pytest.mark.parametrize("method", ["get", "htmx", "post"])
@pytest.mark.parametrize("name", ["ana", "davi", "beto", "suzana", "teo", "olga"])
def test_the_sheet_of_a_customer_who_is_not_ones_own_does_not_exist(
    cast, client_for, alfas, betas, name, method
):
    client = client_for(getattr(cast, name))
    if name == "suzana":
        start_acting(client, "111", alfas.order)
    client.get("/")
    theirs = [cast.beta, cast.gama] if name == "teo" else [cast.alfa, cast.beta, cast.gama]

    unknown = answer(client, method, f"/televendas/clientes/{uuid.uuid4()}")

    for company in theirs:
        assert answer(client, method, f"/televendas/clientes/{company.public_id}") == unknown
    assert unknown[0] == (405 if method == "post" else 404)


@pytest.mark.parametrize("method", ["get", "htmx", "post"])
@pytest.mark.parametrize("name", ["ana", "rita", "beto", "suzana", "teo"])
def test_nobody_but_operations_has_pages_of_operations(
    cast, client_for, alfas, betas, name, method
):
    client = client_for(getattr(cast, name))
    if name == "suzana":
        start_acting(client, "111", alfas.order)
    source = Connection.objects.create(
        name="erp", kind="b2b_orders_v1", secret=b"", created_at=NOW, changed_at=NOW
    )
    errand = Errand.objects.create(kind="run-now", params={"connection": "erp"}, asked_at=NOW)
    client.get("/")

    def seen(path: str) -> tuple[int, dict[str, str], bytes]:
        # The page says where a change of language comes back to.
        status, headers, body, _statements = answer(client, method, path)
        del headers["Content-Length"]
        return status, headers, body.replace(UUID.sub("id", path).encode(), b"here")

    unknown = seen("/operacao/nowhere/at-all")

    for route in sorted(OPERATIONS_ROUTES):
        path = route.replace("<str:name>", source.name).replace(
            "<uuid:public_id>", str(errand.public_id)
        )
        assert seen(f"/{path}") == unknown
    assert unknown[0] == 404
    assert Errand.objects.count() == 1


def test_a_branch_does_not_see_the_main_house(cast, client_for, alfas):
    client = client_for(cast.carla)
    client.get("/pedidos")
    branch = make_things(cast.alfa, "333", establishment=cast.alfa_branch)

    for route in sorted((ORDER_ROUTES | DOCUMENT_ROUTES) & set(routes_of("carla"))):
        pairs = zip(
            addresses_of(route, cast.alfa.public_id, alfas, branch),
            addresses_of(route, cast.alfa.public_id, Things(), branch),
            strict=True,
        )
        for main, never in pairs:
            assert answer(client, "get", main) == answer(client, "get", never)


@pytest.mark.parametrize("name", ["ana", "carla", "rita", "suzana", "teo", "olga"])
def test_the_address_of_a_company_that_one_does_not_act_for_does_not_exist(
    cast, client_for, alfas, betas, name
):
    client = client_for(getattr(cast, name))
    if name == "suzana":
        start_acting(client, "111", alfas.order)
    client.get("/healthz")
    unknown = uuid.uuid4()
    client.get(f"/c/{unknown}/pedidos")
    company_routes = sorted(route for route in routes() if route.startswith("c/"))

    for route in company_routes:
        for method in ("get", "htmx", "post"):
            pairs = zip(
                [*addresses_or_list(route, cast.beta.public_id, betas)],
                [*addresses_or_list(route, unknown, betas)],
                strict=True,
            )
            for theirs, never in pairs:
                status, *rest = answer(client, method, theirs)
                assert [status, *rest] == list(answer(client, method, never))
                assert status == 404

    for path in ("/api/v1/orders", f"/api/v1/orders/{betas.order}"):
        theirs = answer(client, "get", f"{path}?company={cast.beta.public_id}")
        assert theirs == answer(client, "get", f"{path}?company={unknown}")
        assert theirs[0] == 404


def addresses_or_list(route: str, company: uuid.UUID, things: Things) -> list[str]:
    if route in OBJECT_ROUTES:
        return addresses_of(route, company, things, things)
    path = "/" + route.replace("<uuid:company>", str(company))
    return [path.replace("<uuid:public_id>", str(things.order))]


def test_nobody_of_an_inactive_company_sees_anything_of_it(cast, client_for):
    gamas = make_things(cast.gama, "444")
    client = client_for(cast.davi)
    client.get("/pedidos")

    # A file of their own data is theirs, whatever becomes of the company.
    for route in sorted(set(routes_of("davi")) - EXPORT_ROUTES):
        pairs = zip(
            addresses_of(route, cast.gama.public_id, gamas, gamas),
            addresses_of(route, cast.gama.public_id, Things(), gamas),
            strict=True,
        )
        for gama, never in pairs:
            assert answer(client, "get", gama) == answer(client, "get", never)
    for path in ("/pedidos?q=444", "/api/v1/orders?number=444"):
        shown = client.get(path).content.decode()
        assert "Gama" not in shown
        assert str(gamas.order) not in shown


@pytest.mark.parametrize("name", ["suzana", "teo", "olga"])
def test_staff_find_nothing_of_an_inactive_company(cast, client_for, name):
    gamas = make_things(cast.gama, "444555")
    client = client_for(getattr(cast, name))

    for path in ("/atendimento?q=444555", "/televendas?q=444555", "/operacao"):
        response = client.get(path)
        assert str(gamas.order) not in response.content.decode()
        assert "Gama" not in response.content.decode()
    assert client.get(f"/c/{cast.gama.public_id}/pedidos").status_code == 404


@pytest.mark.parametrize(
    "route",
    sorted(WITHOUT_OBJECTS | OPERATIONS_ROUTES | CUSTOMER_ROUTES | OBJECT_ROUTES | PEOPLE_ROUTES),
    ids=lambda route: route or "home",
)
def test_nobody_sees_anything_without_logging_in(cast, client, alfas, route):
    public = {
        *("healthz", "readyz", "robots.txt", "accounts/login/", "accounts/inactive/", "d"),
        *("entrar-na-empresa", "accounts/login/code/", "sw.js", "sem-conexao"),
        *("accounts/password/reset/", "accounts/password/reset/done/"),
        "accounts/password/reset/key/done/",
    }
    if route in public:
        return
    address = addresses_or_list(route, cast.alfa.public_id, alfas)[0]

    for method in ("get", "post"):
        response = getattr(client, method)(address)
        assert response.status_code in {302, 401, 403, 404, 405}
        # Alone: within a token it is chance.
        assert not re.search(rb"\b111\b", response.content)
        assert b"Alfa" not in response.content
        if response.status_code == 302:
            # The two that lead on ask for the log-in themselves.
            assert response.url.startswith("/accounts/login/") or response.url in {"/", "/conta"}
