"""One of everything that an address can name, and every kind of viewer that can ask for it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from b2b_orders.accounts.models import Person
from b2b_orders.audit import invitations, joining
from b2b_orders.audit.models import PersonExport
from b2b_orders.common.branding import brand
from b2b_orders.companies.models import (
    Acting,
    Company,
    CompanyImport,
    Invitation,
    JoinRequest,
    MapChange,
    Membership,
    PeopleImport,
    ProviderKind,
    Role,
    StaffRole,
    Team,
)
from b2b_orders.documents.models import CalendarFeed, Document, ShareLink
from b2b_orders.documents.title_payments import title_ref
from b2b_orders.ingest.models import Connection, Errand
from b2b_orders.notifications.links import Ending, sign_ending
from b2b_orders.notifications.models import Follow
from b2b_orders.orders.models import Order
from erp_bridge.records import DocumentKind
from tests.factories import (
    NOW,
    make_document,
    make_member,
    make_person,
    make_staff,
    make_title,
)
from tests.factories.identity import IDP_ENTITY, make_pair, make_provider
from tests.isolation.test_addresses import Things, make_things

BRANCH = "12345678000276"
SECRET = "s" * 43
LINE = "00190000090312855700000012345179416560000378196"
# The kinds in the order of the table's columns, in groups as they stand there.
GROUPS = (
    ("anonymous",),
    (
        "buyer",
        "finance",
        "viewer",
        "admin",
        "viewer-with-finance",
        "buyer-without-prices-and-finance",
        "branch",
        "branch-admin",
    ),
    ("lacks-factor", "other-company", "inactive-company", "removed", "member-of-none"),
    (
        "support",
        "support-acting",
        "support-acting-as-viewer",
        "support-of-another-team",
        "staff-lacks-factor",
    ),
    ("telesales", "telesales-with-finance", "telesales-elsewhere"),
    ("operations",),
)
KINDS = tuple(kind for group in GROUPS for kind in group)


@dataclass(frozen=True)
class Site:
    """What the addresses name: things of Alfa's main house."""

    company: uuid.UUID
    things: Things
    # What stands for an address's variable part, by how the address begins.
    named: Mapping[str, object]
    # What opens without logging in, by its whole address.
    secrets: Mapping[str, str]

    def path(self, route: str) -> str:
        """Fill an address with what it names."""
        if route in self.secrets:
            return f"/{route}/{self.secrets[route]}"
        path = "/" + route.removeprefix("/").replace("<uuid:company>", str(self.company))
        path = path.replace("<uuid:order>", str(self.things.order)).replace("<int:number>", "1")
        path = path.replace("<str:digest>", brand().digest)
        path = path.replace("^password", "password").replace("/$", "/")
        path = path.replace("(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)", "1-not-a-key")
        own = route.removeprefix("c/<uuid:company>/")
        for part in ("<uuid:public_id>", "<str:name>", "<slug:slug>", "<int:session>", "<int:pk>"):
            if part in path:
                path = path.replace(part, str(self._named(own)))
        return path + self._query(own)

    def _query(self, own: str) -> str:
        if own == "api/v1/sources":
            return ""
        if own.startswith("api/"):
            return f"?company={self.company}"
        is_title = own == "pedidos/<uuid:public_id>/pagamento"
        return f"?titulo={title_ref('title')}" if is_title else ""

    def _named(self, route: str) -> object:
        return next(one for start, one in self.named.items() if route.startswith(start))


def make_site(cast: Any) -> Site:
    """Make Alfa's one of everything, of Ana where it is somebody's."""
    things = make_things(cast.alfa, "111")
    document = "pedidos/<uuid:order>/documentos/"
    named: dict[str, object] = {
        f"{document}<uuid:public_id>/preparo": things.rendered,
        f"{document}<uuid:public_id>/pagamento": _boleto(things).public_id,
        document: things.document,
        "api/v1/orders/<uuid:order>/documents/": things.document,
        "pedidos/<uuid:order>/perguntas/": things.question,
        "pedidos/<uuid:order>/numeros/": things.number,
        "pedidos/procurar/": things.lookup,
        "pedidos/visoes/": things.view,
        "pedidos/exportacoes/": things.list_export,
        "documentos/pacotes/": things.pack,
        "documentos/links/": things.share,
        "pedidos/": things.order,
        "api/v1/orders/": things.order,
        "conta/avisos/documentos/": _watch(cast.ana, things),
        "conta/avisos/": _follow(cast.ana, things).public_id,
        "marca/": "icone.svg",
        "conta/meus-dados/": _export(cast.ana, cast.ana, ""),
        **_of_people(cast),
        **_of_operations(cast),
        **_of_signing(cast),
    }
    return Site(cast.alfa.public_id, things, named, _secrets(cast, things))


def _follow(person: Person, things: Things) -> Follow:
    order = Order.objects.get(public_id=things.order)
    return Follow.objects.get_or_create(
        person=person,
        order=order,
        defaults={
            "company": order.company,
            "order_key": order.public_id,
            "created_at": NOW,
            "checked_at": NOW,
        },
    )[0]


def _watch(person: Person, things: Things) -> uuid.UUID:
    document = Document.objects.get(public_id=things.document)
    document.watches.create(company=document.company, person=person, asked_at=NOW)
    return things.document


def _boleto(things: Things) -> Document:
    order = Order.objects.get(public_id=things.order)
    due_on = timezone.localdate() + timedelta(days=9)
    # What is owed without a paper has a payment page of its own.
    make_title(order, "title", invoice_number="9", due_on=due_on, typeable_line=LINE)
    return make_document(order, DocumentKind.BOLETO, "boleto", title_state="open", due_on=due_on)


def _of_people(cast: Any) -> dict[str, object]:
    given = PeopleImport.objects.create(company=cast.alfa, person=cast.rita, given_at=NOW)
    return {
        "empresa/pessoas/importar/": given.public_id,
        "empresa/pessoas/": cast.bruno.public_id,
        "empresa/convites/": _invitation(cast.alfa).public_id,
        "empresa/solicitacoes/": _wish(cast.alfa).public_id,
    }


def _invitation(company: Company) -> Invitation:
    row = Invitation(
        company=company,
        email="new@x.example",
        role=Role.VIEWER,
        asked_at=NOW,
        expires_at=timezone.now() + timedelta(days=7),
    )
    row.token_hash = invitations.hash_of(invitations.secret_of(row))
    row.save()
    return row


def _wish(company: Company) -> JoinRequest:
    row = JoinRequest(
        company=company,
        email="y@x.example",
        name="Y",
        asked_at=timezone.now(),
        proved_at=timezone.now(),
    )
    row.token_hash = invitations.hash_of(joining.secret_of(row))
    row.save()
    return row


def _export(person: Person, asked_by: Person, reason: str) -> uuid.UUID:
    now = timezone.now()
    return PersonExport.objects.create(
        person=person,
        asked_by=asked_by,
        reason=reason,
        asked_at=now,
        finished_at=now,
        expires_at=now + timedelta(days=1),
        content=b"111",
    ).public_id


def _of_operations(cast: Any) -> dict[str, object]:
    Connection.objects.create(
        name="erp", kind="b2b_orders_v1", secret=b"", created_at=NOW, changed_at=NOW
    )
    errand = Errand.objects.create(
        kind="run-now", params={"connection": "erp"}, asked_at=NOW, state="done", finished_at=NOW
    )
    change = MapChange.objects.create(
        kind="merge",
        payload={
            "from": cast.beta.pk,
            "to": cast.alfa.pk,
            "establishments": [],
            "customer_ids": [],
            "preview": {"orders": 0, "people": 0},
        },
        asked_by=cast.olga,
        asked_at=NOW,
    )
    listed = CompanyImport.objects.create(source="csv", asked_by=cast.olga, asked_at=NOW)
    return {
        "operacao/conexoes/": "erp",
        "operacao/tarefas/": errand.public_id,
        "operacao/empresas/alteracoes/": change.public_id,
        "operacao/empresas/importar/": listed.public_id,
        "operacao/empresas/": cast.alfa.public_id,
        "operacao/equipe/": cast.suzana.public_id,
        "operacao/dados-pessoais/": _export(cast.ana, cast.olga, "asked by letter"),
    }


def _of_signing(cast: Any) -> dict[str, object]:
    make_provider("oidc", cast.alfa, settings={"issuer": "https://127.0.0.1:9"})
    make_provider(
        "saml",
        cast.alfa,
        kind=ProviderKind.SAML,
        settings={
            "entity_id": IDP_ENTITY,
            "sso_url": "https://idp.example/sso",
            "x509cert": make_pair()[1],
        },
    )
    session = UserSession.objects.create(
        user=cast.ana,
        session_key="elsewhere",
        ip="127.0.0.1",
        user_agent="",
        created_at=NOW,
        last_seen_at=NOW,
    )
    passkey = Authenticator.objects.create(
        user=cast.davi, type=Authenticator.Type.WEBAUTHN, data={"name": "key", "credential": {}}
    )
    return {
        "accounts/oidc/": "oidc",
        "accounts/saml/": "saml",
        "accounts/2fa/webauthn/keys/": passkey.pk,
        "conta/sessoes/": session.pk,
    }


def _secrets(cast: Any, things: Things) -> dict[str, str]:
    hashed = hashlib.sha256(SECRET.encode()).hexdigest()
    ShareLink.objects.filter(public_id=things.share).update(token_hash=hashed)
    CalendarFeed.objects.create(
        company=cast.alfa, person=cast.ana, token_hash=hashed, created_at=NOW
    )
    return {
        "d": SECRET,
        "calendario": f"{SECRET}.ics",
        "parar-avisos": _ending(cast.ana, things),
        "convite": invitations.secret_of(Invitation.objects.get()),
        "confirmar-endereco": joining.secret_of(JoinRequest.objects.get()),
    }


def _ending(person: Person, things: Things) -> str:
    follow = _follow(person, things)
    return sign_ending(Ending(person.pk, follow.company_id, follow.public_id))


def client_of(kind: str, cast: Any, site: Site, client_for: Callable[..., Client]) -> Client:
    """Sign in as one kind of viewer."""
    if kind == "anonymous":
        return Client()
    person = person_of(kind, cast)
    client = client_for(person)
    if kind.startswith(("support-acting", "support-of")):
        _act(client, site)
    if kind == "support-acting-as-viewer":
        viewer = make_member(make_person("Vera"), cast.alfa, Role.VIEWER)
        Acting.objects.update(seen_as=viewer)
    if kind == "support-of-another-team":
        # The company went to others while it was acted for.
        person.staff.team = Team.objects.create(name="North")
        person.staff.save()
        Company.objects.filter(pk=cast.alfa.pk).update(team=Team.objects.create(name="South"))
    if kind == "lacks-factor":
        Company.objects.filter(pk=cast.alfa.pk).update(requires_second_factor=True)
    client.get("/")
    return client


def _act(client: Client, site: Site) -> None:
    response = client.post(
        reverse("portal:act"),
        {"q": "111", "order": str(site.things.order), "reason": "call 4711"},
    )
    assert response.status_code == 302


def person_of(kind: str, cast: Any) -> Person:
    """Return who is of a kind, made if the cast has nobody."""
    known = {
        "buyer": cast.ana,
        "finance": cast.bruno,
        "admin": cast.rita,
        "branch": cast.carla,
        "other-company": cast.beto,
        "telesales": cast.teo,
        "telesales-with-finance": cast.teo,
        "operations": cast.olga,
    }
    if kind == "telesales-with-finance":
        cast.teo.staff.can_see_prices = cast.teo.staff.can_see_finance = True
        cast.teo.staff.save()
    if kind in known:
        return known[kind]
    if kind.startswith(("support", "staff")):
        return cast.suzana
    person = make_person(kind.capitalize())
    if kind == "telesales-elsewhere":
        make_staff(person, StaffRole.TELESALES, seller_code="V8", portfolio=(cast.beta,))
    else:
        _let_in(kind, person, cast)
    return person


def _let_in(kind: str, person: Person, cast: Any) -> None:
    if kind == "inactive-company":
        make_member(person, cast.gama)
        return
    if kind == "member-of-none":
        return
    roles = {"viewer": Role.VIEWER, "viewer-with-finance": Role.VIEWER, "branch-admin": Role.ADMIN}
    changed: dict[str, dict[str, bool]] = {
        "viewer-with-finance": {"sees_finance": True},
        "buyer-without-prices-and-finance": {"sees_prices": False, "sees_finance": False},
        "removed": {"is_active": False},
    }
    tax_ids = (BRANCH,) if kind == "branch-admin" else ()
    member = make_member(person, cast.alfa, roles.get(kind, Role.BUYER), tax_ids=tax_ids)
    Membership.objects.filter(pk=member.pk).update(**{"role": member.role} | changed.get(kind, {}))
