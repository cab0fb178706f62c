"""People take their data with them, and are taken out for good; the books stay."""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from collections.abc import Collection
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import connection

from b2b_orders.audit.models import Action, AuditEvent, PersonExport
from b2b_orders.audit.services import record
from b2b_orders.common import clock, tenancy
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import (
    Invitation,
    JoinRequest,
    Membership,
    PeopleImport,
    Role,
)
from b2b_orders.documents.models import CalendarFeed, Mailing, Pack, ShareLink, Watch
from b2b_orders.ingest import people_tasks
from b2b_orders.ingest.errands import run_errand, waiting_errands
from b2b_orders.ingest.models import Errand, Lookup
from b2b_orders.ingest.person_sections import SECTIONS
from b2b_orders.ingest.retention import apply_retention
from erp_bridge.records import NumberKind
from tests.factories import NOW, PASSWORD, make_document, make_member, make_order

pytestmark = pytest.mark.django_db
MINE, OPERATIONS = "/conta/meus-dados", "/operacao/dados-pessoais"


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def traces(cast):
    """Something of Ana, and the same of Beto, in everything that the portal holds of people."""
    order = make_order(cast.alfa, [(NumberKind.ERP, "4500")], placed_by_name="Ana")
    document = make_document(order)
    for person, company in ((cast.ana, cast.alfa), (cast.beto, cast.beta)):
        own = {"company": company, "person": person}
        hashed = uuid.uuid4().hex
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
        Authenticator.objects.create(user=person, type="totp", data={"secret": "s3cret-key"})
        SocialAccount.objects.create(user=person, provider="oidc", uid=person.email)
        UserSession.objects.create(
            user=person, session_key=hashed, ip="203.0.113.9", user_agent="Firefox", data={}
        )
        Invitation.objects.create(
            company=company,
            email=person.email.upper(),
            name=person.name,
            role=Role.BUYER,
            token_hash=hashed,
            asked_at=NOW,
            expires_at=NOW + timedelta(days=7),
        )
        JoinRequest.objects.create(
            company=company, email=person.email, name=person.name, token_hash=hashed, asked_at=NOW
        )
        rows = [{"email": person.email, "name": person.name}]
        PeopleImport.objects.create(company=company, person=cast.rita, given_at=NOW, rows=rows)
        CalendarFeed.objects.create(**own, token_hash=hashed, created_at=NOW)
        ShareLink.objects.create(
            **own,
            document=document,
            token_hash=hashed,
            label=f"for {person.name}",
            created_at=NOW,
            expires_at=NOW + timedelta(days=7),
        )
        Watch.objects.create(**own, document=document, asked_at=NOW)
        Mailing.objects.create(
            company=company,
            person=cast.rita,
            document=document,
            recipient=person.email,
            is_known=True,
            asked_at=NOW,
        )
        Pack.objects.create(**own, language="en", asked_at=NOW, state="done", expires_at=None)
        Lookup.objects.create(**own, value="1", written=f"look-up of {person.name}", asked_at=NOW)
        record(
            Action.ORDER_VIEWED,
            actor=Actor(person.pk, address="203.0.113.9"),
            company_id=company.pk,
            object_kind="order",
            object_id=str(order.public_id),
            now=NOW,
        )
    return order


def work() -> None:
    """Do what workers are told to, with their rights."""
    now = clock.now()
    for errand_id in waiting_errands(now=now + timedelta(minutes=1)):
        with tenancy.scope(role=tenancy.WORKER):
            run_errand(errand_id=errand_id, clock=clock.now)
    with tenancy.scope(role=tenancy.WORKER):
        for export_id in PersonExport.objects.values_list("pk", flat=True):
            people_tasks.build_person_export(export_id=export_id)


def unpack(content: bytes) -> tuple[dict, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["data.json", "data.html"]
        return json.loads(archive.read("data.json")), archive.read("data.html").decode()


# --- a copy --------------------------------------------------------------------------------


def test_a_person_takes_all_their_data_and_nobody_elses(cast, client_for, traces):
    client = client_for(cast.ana)
    assert client.post(MINE).status_code == 302
    assert "Pronto" not in client.get(MINE).content.decode()
    work()
    export = PersonExport.objects.get()

    response = client.get(f"{MINE}/{export.public_id}")

    assert response["Content-Type"] == "application/zip"
    assert response["Cache-Control"] == "private, no-store"
    data, page = unpack(response.content)
    assert set(data) == {"made_at"} | {section.name for section in SECTIONS}
    assert data["account"][0]["email"] == "ana@example.com"
    assert [row["company"] for row in data["memberships"]] == ["Alfa Distribuidora"]
    assert [row["title"] for row in data["orders"]] == ["4500"]
    assert next(row["address"] for row in data["record"]) == "203.0.113.9"
    filled = {name for name, rows in data.items() if name != "made_at" and rows}
    assert filled >= {
        *("account", "email_addresses", "second_factors", "other_log_ins", "sessions"),
        *("memberships", "invitations", "join_requests", "orders", "numbers_looked_up"),
        *("documents_watched", "links", "mailings_received", "packs", "calendars", "record"),
    }
    whole = json.dumps(data) + page
    for others in ("Beto", "beto@", "s3cret", "token", cast.ana.password, "Beta Com"):
        assert others.lower() not in whole.lower()
    assert "Dados de Ana" in page


def test_the_page_asks_for_itself_until_the_file_is_there(cast, client_for):
    client = client_for(cast.ana)
    client.post(MINE)
    assert 'hx-trigger="every' in client.get(MINE).content.decode()

    work()
    part = client.get(MINE, headers={"HX-Request": "true"})

    assert "hx-trigger" not in part.content.decode()
    assert f"{MINE}/{PersonExport.objects.get().public_id}" in part.content.decode()
    assert "<h1" not in part.content.decode()
    assert "HX-Request" in part["Vary"]


def test_the_file_is_taken_by_its_person_alone_and_for_a_week(cast, client_for, traces):
    client = client_for(cast.ana)
    client.post(MINE)
    work()
    url = f"{MINE}/{PersonExport.objects.get().public_id}"

    for other in (cast.rita, cast.bruno, cast.beto, cast.suzana, cast.olga):
        assert client_for(other).get(url).status_code == 404
    assert client_for(cast.olga).get(url.replace(MINE, OPERATIONS)).status_code == 404
    assert client.get(url).status_code == 200
    with time_machine.travel(NOW + timedelta(days=7, minutes=1), tick=False):
        assert client_for(cast.ana).get(url).status_code == 404
        assert apply_retention(now=clock.now(), seconds=9)["person_exports"] == 1


def test_asking_again_at_once_makes_no_second_file(cast, client_for):
    client = client_for(cast.ana)
    client.post(MINE)
    page = client.post(MINE, follow=True).content.decode()

    assert PersonExport.objects.count() == 1
    assert "há menos de uma hora" in page


def test_each_copy_and_each_taking_is_in_the_record(cast, client_for, traces):
    client = client_for(cast.ana)
    client.post(MINE)
    work()
    client.get(f"{MINE}/{PersonExport.objects.get().public_id}")

    lines = AuditEvent.objects.filter(action=Action.PERSON_EXPORTED).order_by("pk")
    assert [(line.person_id, line.object_id, line.detail["how"]) for line in lines] == [
        (cast.ana.pk, str(cast.ana.public_id), "asked"),
        (cast.ana.pk, str(cast.ana.public_id), "taken"),
    ]


def test_what_nobody_put_together_is_found_and_done_once(cast, client_for):
    client_for(cast.ana).post(MINE)
    export = PersonExport.objects.get()

    people_tasks.build_person_export(export_id=export.pk)
    export.refresh_from_db()
    first = bytes(export.content)
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        people_tasks.build_person_export(export_id=export.pk)

    export.refresh_from_db()
    assert bytes(export.content) == first


def test_without_a_log_in_there_is_no_data(client, db):
    assert client.get(MINE).url.startswith("/accounts/login/")
    assert client.post(MINE).url.startswith("/accounts/login/")


def test_operations_take_a_persons_data_with_a_reason(cast, client_for, traces):
    client = client_for(cast.olga)
    page = f"{OPERATIONS}?pessoa=ANA@example.com"
    assert "Ana" in client.get(page).content.decode()
    form = {"errand": "export-person", "person": str(cast.ana.public_id), "form": "export"}
    assert client.post(page, form | {"reason": "x"}).status_code == 400

    client.post(page, form | {"reason": "request 77"})
    work()

    url = f"{OPERATIONS}/{PersonExport.objects.get().public_id}"
    assert url in client.get(page).content.decode()
    data, _page = unpack(client.get(url).content)
    assert data["account"][0]["name"] == "Ana"
    for other in (cast.suzana, cast.teo, cast.rita, cast.beto):
        assert client_for(other).get(url).status_code == 404
    lines = AuditEvent.objects.filter(action=Action.PERSON_EXPORTED, person=cast.olga)
    assert [line.reason for line in lines] == ["request 77", "request 77"]
    assert {line.object_id for line in lines} == {str(cast.ana.public_id)}


# --- taken out -------------------------------------------------------------------------------


def ask_to_anonymise(client, person, *, confirm: str = "", reason: str = "request 77"):
    form = {
        "errand": "anonymise-person",
        "form": "anonymise",
        "person": str(person.public_id),
        "confirm": confirm or person.email,
        "reason": reason,
    }
    return client.post(f"{OPERATIONS}?pessoa={person.email}&anonimizar=1", form)


def every_text_of_the_database(*, without: Collection[str] = ()) -> str:
    """Read every row of every table as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table not in without:
                cursor.execute(f"SELECT t::text FROM {connection.ops.quote_name(table)} AS t")
                found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


def test_nothing_names_a_person_who_was_anonymised_but_the_books(cast, client_for, traces):
    anas = client_for(cast.ana)
    assert anas.get("/pedidos").status_code == 200
    olga = client_for(cast.olga)

    assert ask_to_anonymise(olga, cast.ana).status_code == 302
    work()

    assert Errand.objects.get().outcome["code"] == "person-anonymised"
    whole = every_text_of_the_database()
    assert re.findall(r"(?i)(?<![a-z])ana@example.com", whole) == []
    # What an order was issued with stays, as the decision says, and so does what was typed
    # to be looked for, which goes within a month; nothing else has the name.
    assert re.findall(r"\bAna\b", whole) == ["Ana", "Ana"]
    books = every_text_of_the_database(without=("orders_order", "ingest_lookup"))
    assert re.findall(r"\bAna\b", books) == []
    assert PeopleImport.objects.get().rows[0]["name"] == "Beto"
    cast.ana.refresh_from_db()
    assert cast.ana.name == f"Pessoa removida nº {cast.ana.pk}"
    assert (cast.ana.is_active, cast.ana.anonymised_at) == (False, NOW)
    assert anas.get("/pedidos").status_code == 302
    # Whatever they did keeps their number.
    assert AuditEvent.objects.filter(person=cast.ana, action=Action.ORDER_VIEWED).exists()
    assert "beto@example.com" in whole


def test_what_goes_on_in_their_name_ends(cast, client_for, traces):
    ask_to_anonymise(client_for(cast.olga), cast.ana)
    work()

    of_ana = {"person": cast.ana}
    assert ShareLink.objects.get(**of_ana).revoked_at == NOW
    assert Pack.objects.get(**of_ana).expires_at == NOW
    assert Invitation.objects.get(company=cast.alfa).revoked_at == NOW
    membership = Membership.objects.get(**of_ana)
    assert (membership.is_active, membership.removed_at) == (False, NOW)
    for model in (CalendarFeed, Watch):
        assert not model.objects.filter(**of_ana).exists()
    # Olga's is hers who had it done.
    assert set(UserSession.objects.values_list("user_id", flat=True)) == {
        *(cast.beto.pk, cast.olga.pk),
    }
    for model in (Authenticator, SocialAccount, EmailAddress):
        assert list(model.objects.values_list("user_id", flat=True)) == [cast.beto.pk]
    line = AuditEvent.objects.get(action=Action.MEMBER_REMOVED)
    assert (line.company_id, line.object_id) == (cast.alfa.pk, str(cast.ana.public_id))


def test_they_cannot_come_back(cast, client_for, client, traces):
    ask_to_anonymise(client_for(cast.olga), cast.ana)
    work()

    for email in ("ana@example.com", f"{cast.ana.pk}@anonymised.invalid"):
        client.post("/accounts/login/", {"login": email, "password": PASSWORD})
        assert client.get("/api/v1/orders").status_code == 401


def test_orders_and_documents_stay_as_they_were(cast, client_for, traces):
    ask_to_anonymise(client_for(cast.olga), cast.ana)
    work()

    page = client_for(cast.bruno).get(f"/pedidos/{traces.public_id}").content.decode()
    assert "4500" in page
    assert "DANFE" in page
    traces.refresh_from_db()
    assert traces.placed_by_name == "Ana"


@pytest.mark.parametrize("confirm", ["beto@example.com", "ana", " "])
def test_the_address_must_be_typed_once_more(cast, client_for, confirm):
    response = ask_to_anonymise(client_for(cast.olga), cast.ana, confirm=confirm)

    assert response.status_code == 400
    assert "Este não é o e-mail da pessoa." in response.content.decode()
    assert not Errand.objects.exists()


def test_without_a_reason_nobody_is_taken_out(cast, client_for):
    response = ask_to_anonymise(client_for(cast.olga), cast.ana, reason="")

    assert response.status_code == 400
    assert not Errand.objects.exists()


@pytest.mark.parametrize("who", ["suzana", "teo", "rita", "ana"])
def test_only_operations_take_people_out(cast, client_for, who):
    assert ask_to_anonymise(client_for(getattr(cast, who)), cast.ana).status_code == 404
    assert not Errand.objects.exists()


def outcome_of(cast, client_for, person) -> tuple[str, str]:
    client = client_for(cast.olga)
    answer = ask_to_anonymise(client, person)
    work()
    errand = Errand.objects.get()
    page = client.get(answer.url).content.decode()
    person.refresh_from_db()
    assert (person.anonymised_at is None) is (errand.state == "failed")
    return errand.outcome["code"], page


def test_staff_are_refused_in_words(cast, client_for):
    code, page = outcome_of(cast, client_for, cast.suzana)

    assert code == "is-staff"
    assert "Retire-a da equipe antes" in page
    assert AuditEvent.objects.get(action=Action.PERSON_ANONYMISED).detail["outcome"] == "is-staff"


def test_the_only_administrator_is_refused_in_words(cast, client_for):
    code, page = outcome_of(cast, client_for, cast.rita)

    assert code == "last-admin"
    assert "única administradora de Alfa Distribuidora" in page


def test_an_administrator_goes_when_there_is_another(cast, client_for):
    make_member(cast.bruno, cast.alfa, Role.ADMIN)

    assert outcome_of(cast, client_for, cast.rita)[0] == "person-anonymised"


def test_the_last_person_of_a_company_may_go(cast, client_for):
    Membership.objects.exclude(person=cast.rita).filter(company=cast.alfa).update(is_active=False)

    assert outcome_of(cast, client_for, cast.rita)[0] == "person-anonymised"


def test_doing_it_twice_is_doing_it_once(cast, client_for):
    assert outcome_of(cast, client_for, cast.ana)[0] == "person-anonymised"
    first = cast.ana.anonymised_at
    Errand.objects.update(state="waiting")
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        work()

    assert Errand.objects.get().outcome["code"] == "person-anonymised-before"
    cast.ana.refresh_from_db()
    assert cast.ana.anonymised_at == first
    page = client_for(cast.olga).get(f"{OPERATIONS}?pessoa=%23{cast.ana.pk}").content.decode()
    assert "anonymise-person" not in page
