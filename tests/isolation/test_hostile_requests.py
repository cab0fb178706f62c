"""What no browser sends: each is answered, with every header, and nothing of it fails us."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import re
import uuid

import pytest
from django.conf import settings as site
from django.core.files.storage import storages
from django.test import Client

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common.logging import ContextFilter, JsonFormatter
from b2b_orders.documents.models import StoredFile
from b2b_orders.ingest.models import Lookup
from erp_bridge.records import DocumentKind, NumberKind
from tests.factories import NOW, PASSWORD, make_document, make_order

ODD_TEXTS = [
    "\0",
    "a\0b",
    "4500\x00123",
    "\U0010ffff" * 4,
    "\ud7ff" * 4,
    "12345\U0010ffff",
    "\N{FULLWIDTH DIGIT ONE}" * 5,
    "\N{SUPERSCRIPT TWO}" * 5,
    "%%%%",
    "____",
    "\\\\\\\\",
    "';--",
]
ODD_CURSORS = [
    "9999-12-31T23:59:59-23:59|1",
    "0001-01-01T00:00:00+23:59|1",
    "2026-01-01T00:00:00+00:00|" + "9" * 40,
    "2026-01-01T00:00:00+00:00|-" + "9" * 30,
    "2026-01-01T00:00:00|1",
    "2026-01-01T00:00:00+00:00|1|1",
]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_no_text_breaks_a_search(cast, lenient, text):
    ana, suzana, teo = (lenient(person) for person in (cast.ana, cast.suzana, cast.teo))

    answers = [
        ana.get("/pedidos", {"q": text}),
        ana.get("/pedidos", {"after": text}),
        ana.post("/pedidos/procurar", {"q": text}),
        ana.get("/api/v1/orders", {"number": text}),
        ana.get("/api/v1/orders", {"after": text}),
        ana.get("/api/v1/orders", {"company": text}),
        ana.get(f"/api/v1/orders/{uuid.uuid4()}", {"company": text}),
        ana.get(f"/pedidos/{uuid.uuid4()}", {"q": text, "lookup": text}),
        ana.post("/empresa/trocar", {"company": text}),
        ana.post("/idioma", {"language": text, "next": text}),
        suzana.get("/atendimento", {"q": text}),
        suzana.get("/atendimento/atuar", {"q": text, "order": text}),
        suzana.post("/atendimento/encerrar", {"company": text}),
        teo.get("/televendas", {"q": text, "customer": text, "after": text}),
        teo.get("/televendas/procura", {"q": text}, headers={"HX-Request": "true"}),
    ]

    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []


def test_what_cannot_be_stored_is_left_out_of_what_is(cast, lenient):
    order = make_order(cast.alfa, [(NumberKind.ERP, "4500123")])
    suzana = lenient(cast.suzana)

    lenient(cast.ana).post("/pedidos/procurar", {"q": "4500\x00999"})
    found = suzana.get("/atendimento", {"q": "4500\x00123"})
    started = suzana.post(
        "/atendimento/atuar",
        {"q": "4500123", "order": str(order.public_id), "reason": "call\x00 4711"},
    )

    assert Lookup.objects.get().written == "4500999"
    assert found.status_code == 200
    assert AuditEvent.objects.get(action=Action.STAFF_SEARCHED).detail["text"] == "4500123"
    assert started.status_code == 302
    assert AuditEvent.objects.get(action=Action.ACTING_STARTED).reason == "call 4711"


@pytest.mark.parametrize("cursor", ODD_CURSORS)
def test_no_cursor_breaks_a_list(cast, lenient, cursor):
    after = base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("=")
    ana, teo = lenient(cast.ana), lenient(cast.teo)

    answers = [
        ana.get("/pedidos", {"after": after}),
        ana.get("/pedidos", {"q": "4500", "after": "p" + after}),
        ana.get("/api/v1/orders", {"after": after}),
        ana.get("/api/v1/orders", {"number": "4500", "after": "s" + after}),
        teo.get("/televendas", {"after": after}),
    ]

    assert {answer.status_code for answer in answers} <= {200, 400}


@pytest.mark.parametrize("path", ["/pedidos", "/api/v1/orders", "/accounts/login/", "/healthz"])
@pytest.mark.parametrize("value", ["\\000" + "a" * 30, "x" * 4000, "\\377\\377", ""])
def test_a_broken_cookie_is_no_log_in(db, path, value):
    client = Client(raise_request_exception=False)
    headers = {"Cookie": f'{site.SESSION_COOKIE_NAME}="{value}"; csrftoken="{value}"'}

    assert client.get(path, headers=headers).status_code in {200, 302, 401, 403}


@pytest.mark.parametrize("page", ["http://[", "http://testserver/pedidos", "javascript:alert(1)"])
def test_a_fragment_without_log_in_leads_to_the_log_in(db, page):
    client = Client(raise_request_exception=False)

    answer = client.get("/pedidos", headers={"HX-Request": "true", "HX-Current-URL": page})

    wanted = "/pedidos" if page.endswith("/pedidos") else "/"
    assert answer.status_code == 200
    assert answer["HX-Redirect"] == f"/accounts/login/?next={wanted}"


# --- headers and cookies ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/pedidos", {}, 302),
        ("/accounts/login/", {}, 200),
        ("/healthz", {}, 200),
        ("/nothing", {}, 404),
        ("/api/v1/orders", {}, 401),
        ("/static/css/nothing.css", {}, 404),
        ("/pedidos", {"Host": "evil.example"}, 400),
        ("/accounts/login/", {"Host": "evil.example"}, 400),
    ],
)
def test_every_answer_carries_the_policy(db, path, headers, status):
    answer = Client().get(path, headers=headers)

    assert answer.status_code == status
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


def test_our_own_failure_carries_the_policy_and_tells_nothing(cast, lenient, monkeypatch):
    def fail(**_: object) -> None:
        raise RuntimeError("canary-7f3a")

    monkeypatch.setattr("b2b_orders.portal.views.orders.list_orders", fail)

    answer = lenient(cast.ana).get("/pedidos")

    assert answer.status_code == 500
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "private, no-store"
    assert b"canary" not in answer.content


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(cast, client):
    client.get("/accounts/login/")
    log_in(client, cast.ana)
    client.post("/idioma", {"language": "es"})

    assert set(client.cookies) >= {"sessionid", "csrftoken", "django_language"}
    # One without a value is one that is taken away.
    for cookie in filter(lambda each: each.value, client.cookies.values()):
        assert (bool(cookie["httponly"]), cookie["samesite"]) == (True, "Lax")


def log_in(client: Client, person) -> None:
    answer = client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    assert answer.status_code == 302


def test_a_log_in_takes_no_session_from_before_it(cast, client):
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = "yes"
    session.save()
    client.cookies[site.SESSION_COOKIE_NAME] = planted = session.session_key

    log_in(client, cast.ana)

    taken = client.cookies[site.SESSION_COOKIE_NAME].value
    assert taken != planted
    stale = Client()
    stale.cookies[site.SESSION_COOKIE_NAME] = planted
    assert stale.get("/pedidos")["Location"].startswith("/accounts/login/")


def test_after_log_out_the_session_opens_nothing_and_nothing_was_kept(cast, client):
    log_in(client, cast.ana)
    key = client.cookies[site.SESSION_COOKIE_NAME].value
    page = client.get("/pedidos")
    assert page["Cache-Control"] == "private, no-store"

    client.post("/accounts/logout/")

    thief = Client()
    thief.cookies[site.SESSION_COOKIE_NAME] = key
    assert thief.get("/pedidos")["Location"].startswith("/accounts/login/")
    assert thief.get("/api/v1/orders").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/idioma",
        "/empresa/trocar",
        "/atendimento/atuar",
        "/atendimento/encerrar",
        "/pedidos/procurar",
        "/pedidos/00000000-0000-4000-8000-000000000000/atualizar",
        "/accounts/login/",
        "/accounts/logout/",
        "/api/v1/orders",
    ],
)
def test_no_form_is_taken_from_another_site(cast, path):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.suzana, "allauth.account.auth_backends.AuthenticationBackend")

    answer = client.post(path, {"q": "1"}, headers={"Origin": "https://evil.example"})

    assert answer.status_code in {403, 405}


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "/\\evil.example", "/\t/evil.example", "https:evil", "///e", "\n//evil"],
)
def test_no_way_in_leads_out(cast, client, wanted):
    answer = client.post(
        "/accounts/login/", {"login": cast.davi.email, "password": PASSWORD, "next": wanted}
    )
    assert answer["Location"] == "/"
    switched = client.post("/empresa/trocar", {"company": str(cast.beta.public_id), "next": wanted})
    assert switched["Location"] == "/"


# --- log lines ----------------------------------------------------------------------------


def test_log_lines_hold_nothing_of_what_was_typed(cast, lenient, monkeypatch):
    lines: list[str] = []
    handler = logging.Handler()
    handler.addFilter(ContextFilter())
    handler.emit = lambda record: lines.append(JsonFormatter().format(record))  # type: ignore[method-assign]
    root = logging.getLogger()
    root.addHandler(handler)
    canary = "CANARY4711"
    try:
        ana, suzana = lenient(cast.ana), lenient(cast.suzana)
        ana.get("/pedidos", {"q": canary})
        ana.get(f"/pedidos/{uuid.uuid4()}", {"q": canary})
        ana.get("/api/v1/orders", {"number": canary, "unknown": canary})
        ana.get(f"/api/v1/orders/{uuid.uuid4()}", {"number": canary})
        ana.get("/atendimento", {"q": canary})
        ana.post("/pedidos/procurar", {"q": canary})
        suzana.get("/atendimento/atuar", {"q": canary, "order": canary})
        Client().get("/pedidos", {"q": canary}, headers={"Host": "evil.example"})
        Client(enforce_csrf_checks=True).post(f"/idioma?q={canary}", {"language": canary})
        Client().post("/accounts/login/", {"login": canary, "password": canary})
        monkeypatch.setattr("b2b_orders.portal.searching.search", lambda **_: 1 / 0)
        assert ana.get("/pedidos", {"q": canary}).status_code == 500
    finally:
        root.removeHandler(handler)

    assert len(lines) >= 5
    assert [json.loads(line)["message"] for line in lines if canary in line] == []
    assert all("sessionid" not in line for line in lines)


# --- what a source may have written ---------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://track.example.com/BR1", "https://track.example.com/BR1"),
        ("javascript:alert(1)", ""),
        (" javascript:alert(1)", ""),
        ("data:text/html,<script>alert(1)</script>", ""),
        ("//evil.example", ""),
    ],
)
def test_the_api_hands_on_no_address_that_runs_code(cast, client_for, url, shown):
    order = make_order(cast.alfa)
    order.invoices.create(
        company=cast.alfa, number="1001", series="1", access_key="", tracking_url=url
    )
    ana = client_for(cast.ana)

    answer = ana.get(f"/api/v1/orders/{order.public_id}").json()
    page = ana.get(f"/pedidos/{order.public_id}").content.decode()

    assert [each["tracking_url"] for each in answer["invoices"]] == [shown]
    assert (f'href="{url}"' in page) == bool(shown)
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    "title",
    ['a"; filename="evil.exe', "a\r\nSet-Cookie: x=1", "../../etc/passwd", "\u202egpj.exe", ""],
)
def test_a_files_name_is_ours_whatever_its_source_calls_it(
    cast, client_for, title, settings, tmp_path
):
    settings.STORAGES = settings.STORAGES | {
        "documents": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path), "base_url": None},
        }
    }
    order = make_order(cast.alfa)
    content = b"as issued"
    name = hashlib.sha256(content).hexdigest()
    file = StoredFile.objects.create(
        sha256=name, size=len(content), content_type="text/html", stored_at=NOW
    )
    storages["documents"].save(f"{name[:2]}/{name}", io.BytesIO(content))
    document = make_document(order, DocumentKind.OTHER, title=title, file=file, fetched_at=NOW)

    answer = client_for(cast.ana).get(f"/pedidos/{order.public_id}/documentos/{document.public_id}")

    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == content
    answer.close()
    assert re.fullmatch(
        r'attachment; filename="Documento[A-Za-z0-9-]*\.bin"', answer["Content-Disposition"]
    )
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in answer
