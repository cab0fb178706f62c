"""What every answer says to browsers, whoever makes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from b2b_orders.common.headers import HeadersMiddleware
from tests.factories import make_company, make_member, make_person

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}


@pytest.mark.parametrize(
    "path",
    [
        *("/accounts/login/", "/nada", "/healthz", "/readyz", "/metrics", "/robots.txt", "/d/x"),
        *("/pedidos", "/api/v1/orders", "/vtex/hook/x", "/calendario/x", "/operacao"),
    ],
)
def test_every_answer_has_every_header(client, path):
    response = client.get(path)

    for name, value in EVERYWHERE.items():
        if (path, name) != ("/d/x", "Referrer-Policy"):
            assert response.headers.get(name) == value, name
    assert "geolocation=()" in response["Permissions-Policy"]
    assert "camera=(self)" in response["Permissions-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "Server" not in response
    assert "X-Powered-By" not in response


@pytest.mark.parametrize("path", ["/accounts/login/", "/nada", "/healthz", "/d/x", "/pedidos"])
def test_nothing_but_files_may_be_kept(client, path):
    kept = client.get(path)["Cache-Control"]

    assert "no-store" in kept


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/televendas/clientes/exportar", 200),  # a stream
        ("get", "/", 302),
        ("post", "/televendas/clientes", 405),
        ("get", "/televendas?q=4711", 429),
        ("get", "/pedidos/nada", 404),
    ],
)
def test_answers_to_staff_have_every_header_however_they_end(
    cast, client_for, settings, method, path, status
):
    settings.PORTAL_LIMITS = settings.PORTAL_LIMITS | {"search": 1}
    teo = client_for(cast.teo)
    teo.get("/televendas?q=4711")

    response = getattr(teo, method)(path)

    assert response.status_code == status
    for name, value in EVERYWHERE.items():
        assert response.headers.get(name) == value, name
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "geolocation=()" in response["Permissions-Policy"]
    assert response["Cache-Control"] == "private, no-store"


def test_a_foreign_host_is_answered_with_every_header(client):
    response = client.get("/pedidos", headers={"Host": "evil.example"})

    assert response.status_code == 400
    assert b"evil.example" not in response.content
    for name, value in EVERYWHERE.items():
        assert response.headers.get(name) == value, name


def test_pages_of_people_are_private(client, client_for):
    ana = make_person("Ana")
    make_member(ana, make_company())

    assert client_for(ana).get("/pedidos")["Cache-Control"] == "private, no-store"
    assert client_for(ana).get("/nada")["Cache-Control"] == "private, no-store"


def test_what_says_itself_how_long_it_may_be_kept_is_left_as_it_is(client):
    def static(_request):
        policy = {"Content-Security-Policy": "default-src 'none'"}
        return HttpResponse(headers={"Cache-Control": "max-age=1, public"} | policy)

    response = HeadersMiddleware(static)(RequestFactory().get("/static/x.css"))

    assert response["Cache-Control"] == "max-age=1, public"
    # A stylesheet needs neither what a page may load nor what it may do.
    assert {"Content-Security-Policy", "Permissions-Policy"}.isdisjoint(response.headers)


def test_cookies_over_https_are_of_this_host_alone():
    # In a process of its own, which has the rest of the environment of this one: settings are
    # read once.
    code = (
        "import os, sys; os.environ['PORTAL_URL'] = sys.argv[1];"
        "from b2b_orders.settings import base as s;"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
        " s.CSRF_COOKIE_SECURE, s.LANGUAGE_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY,"
        " s.SESSION_COOKIE_SAMESITE, s.SECURE_HSTS_SECONDS,"
        " s.CONTENT_SECURITY_POLICY['DIRECTIVES']['upgrade-insecure-requests'])"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code, url],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split()
        for url in ("https://portal.example", "http://127.0.0.1:8000")
    ]

    assert said[0] == [
        *("__Host-sessionid", "__Host-csrftoken", "True", "True", "True", "True", "Lax"),
        *("31536000", "True"),
    ]
    assert said[1] == [
        *("sessionid", "csrftoken", "False", "False", "False", "True", "Lax", "0", "False"),
    ]


def test_the_policy_names_no_host_and_no_inline_code(client):
    policy = client.get("/accounts/login/")["Content-Security-Policy"]

    assert not {"unsafe-inline", "unsafe-eval", "http:", "https:", "data:", "*"} & set(
        policy.replace("'", "").replace(";", "").split()
    )


def test_security_txt_says_where_weaknesses_are_reported(client, settings):
    settings.PORTAL_SECURITY_CONTACT = "mailto:security@seller.example"
    settings.PORTAL_URL = "https://orders.seller.example"

    response = client.get("/.well-known/security.txt")

    lines = dict(line.split(": ", 1) for line in response.content.decode().splitlines())
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert lines["Contact"] == "mailto:security@seller.example"
    assert lines["Canonical"] == "https://orders.seller.example/.well-known/security.txt"
    assert lines["Preferred-Languages"] == "pt, es, en"
    assert lines["Expires"].endswith("T00:00:00Z")


def test_the_support_address_stands_in_for_it(client, settings):
    settings.PORTAL_SUPPORT_EMAIL = "ajuda@seller.example"

    assert (
        b"Contact: mailto:ajuda@seller.example" in client.get("/.well-known/security.txt").content
    )


@pytest.mark.parametrize(
    "contact", ["", "javascript:alert(1)", "x\nContact: mailto:evil@x.example"]
)
def test_without_a_contact_there_is_no_security_txt(client, settings, contact):
    settings.PORTAL_SECURITY_CONTACT = contact

    assert client.get("/.well-known/security.txt").status_code == 404


def test_robots_are_asked_to_leave(client):
    response = client.get("/robots.txt")

    assert response.content == b"User-agent: *\nDisallow: /\n"
