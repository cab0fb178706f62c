"""The seller's look as browsers get it, and the portal as an app that can be installed."""

from __future__ import annotations

import json
import re
import struct
import zlib
from base64 import b64encode
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks

from b2b_orders.common import bundles
from b2b_orders.common.branding import brand, shades_of
from tests.factories import sign_in

STRANGER = "/accounts/login/"
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 30"><path d="M0 0h9"/></svg>'


def links(html: str, rel: str) -> list[str]:
    return re.findall(rf'<link rel="{rel}" href="([^"]+)"', html)


@pytest.fixture
def branded(settings):
    settings.PORTAL_BRAND_COLOR = "#6f2da8"
    settings.PORTAL_SELLER_NAME = 'Loja "X" & <Filhos>'
    settings.PORTAL_SELLER_LOGO = "data:image/svg+xml;base64," + b64encode(LOGO.encode()).decode()
    return settings


def test_without_a_colour_no_stylesheet_more_is_asked_for(client, db):
    page = client.get(STRANGER).content.decode()

    assert [url for url in links(page, "stylesheet") if "/marca/" in url] == []
    assert client.get(f"/marca/{brand().digest}/marca.css").status_code == 404
    assert client.get(f"/marca/{brand().digest}/logo").status_code == 404


def test_the_colour_arrives_as_a_stylesheet_that_may_be_kept(branded, client, db):
    page = client.get(STRANGER).content.decode()
    (url,) = (url for url in links(page, "stylesheet") if "/marca/" in url)

    answer = client.get(url)

    light, dark = shades_of("#6f2da8")
    assert f"--accent:light-dark({light.accent},{dark.accent});" in answer.content.decode()
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    # After the tokens, which it goes before.
    sheets = links(page, "stylesheet")
    assert sheets.index(url) > sheets.index("/static/css/tokens.css")


def test_whoever_has_logged_in_may_keep_it_too(
    branded, client, cast, django_assert_max_num_queries
):
    sign_in(client, cast.ana)

    # Asked for on every page: who asks is not looked up beyond their language.
    with django_assert_max_num_queries(2):
        answers = [client.get(f"/marca/{brand().digest}/marca.css"), client.get("/sw.js")]

    kept = [answer["Cache-Control"] for answer in answers]
    assert kept == ["public, max-age=31536000, immutable", "no-cache"]
    assert [answer.cookies for answer in answers] == [{}, {}]


def test_a_new_colour_has_a_new_address_and_the_old_one_is_not_kept_for_long(branded, client, db):
    old = f"/marca/{brand().digest}/marca.css"
    branded.PORTAL_BRAND_COLOR = "#0b57c2"

    answer = client.get(old)

    assert brand().digest not in old
    assert shades_of("#0b57c2")[0].accent in answer.content.decode()
    assert answer["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "colour", ["rebeccapurple", "#12z", "#123456;}*{display:none}", "</style><script>"]
)
def test_what_is_no_colour_reaches_no_page(settings, client, db, colour):
    settings.PORTAL_BRAND_COLOR = colour

    assert colour not in client.get(STRANGER).content.decode()
    assert client.get(f"/marca/{brand().digest}/marca.css").status_code == 404


def test_the_logo_stands_in_pages_with_its_size_and_may_do_nothing(branded, client, cast):
    sign_in(client, cast.ana)
    page = client.get("/pedidos").content.decode()
    url = f"/marca/{brand().digest}/logo"

    answer = client.get(url)

    assert f'<img src="{url}" width="120" height="30" alt="">' in page
    assert answer.content.decode() == LOGO
    assert answer["Content-Type"] == "image/svg+xml"
    policy = answer["Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", [STRANGER, "/d/nothing", "/parar-avisos/nothing"])
def test_the_logo_stands_over_pages_that_strangers_open(branded, client, db, path):
    page = client.get(path).content.decode()

    assert f'<img src="/marca/{brand().digest}/logo" width="120" height="30" alt="">' in page


def test_a_logo_that_may_not_be_used_is_left_out_of_pages(settings, client, db):
    bad = LOGO.replace("<path", "<script/><path")
    settings.PORTAL_SELLER_LOGO = "data:image/svg+xml;base64," + b64encode(bad.encode()).decode()

    assert "/logo" not in client.get(STRANGER).content.decode()
    assert "portal.E011" in {message.id for message in run_checks()}


def test_icons_have_the_colour(branded, client, db):
    base = f"/marca/{brand().digest}"

    assert 'fill="#6f2da8"' in client.get(f"{base}/icone.svg").content.decode()
    for size in (192, 512):
        content = client.get(f"{base}/icone-{size}.png").content
        assert struct.unpack(">II", content[16:24]) == (size, size)
        at = content.index(b"PLTE")
        (length,) = struct.unpack(">I", content[at - 4 : at])
        palette = content[at + 4 : at + 4 + length]
        colours = {palette[each : each + 3] for each in range(0, length, 3)}
        assert {bytes.fromhex("6f2da8"), b"\xff\xff\xff"} <= colours
        (checksum,) = struct.unpack(">I", content[at + 4 + length : at + 8 + length])
        assert checksum == zlib.crc32(content[at : at + 4 + length])


@pytest.mark.parametrize("name", ["x", "icone-64.png", "fr.webmanifest", "..%2f", "MARCA.CSS"])
def test_there_is_nothing_else_of_the_brand(branded, client, db, name):
    assert client.get(f"/marca/{brand().digest}/{name}").status_code == 404


@pytest.mark.parametrize(
    ("language", "orders", "finance"),
    [
        ("pt-br", "Pedidos", "Financeiro"),
        ("es", "Pedidos", "Finanzas"),
        ("en", "Orders", "Finance"),
    ],
)
def test_manifest_speaks_the_language_of_its_page(branded, client, db, language, orders, finance):
    client.cookies[django_settings.LANGUAGE_COOKIE_NAME] = language
    (url,) = links(client.get(STRANGER).content.decode(), "manifest")

    answer = client.get(url, headers={"Accept-Language": "fr"})
    told = json.loads(answer.content)

    assert answer["Content-Type"] == "application/manifest+json"
    assert (told["lang"], told["name"]) == (language, 'Loja "X" & <Filhos>')
    assert (told["start_url"], told["scope"], told["display"]) == ("/pedidos", "/", "standalone")
    assert [each["name"] for each in told["shortcuts"]][::2] == [orders, finance]
    sizes = {each["sizes"] for each in told["icons"] if each.get("purpose") == "maskable"}
    assert sizes == {"192x192", "512x512"}
    for each in (*told["icons"], *told["shortcuts"]):
        path = each.get("src") or each["url"]
        assert urlsplit(path).netloc == ""
        assert client.get(path).status_code in {200, 302}


def test_description_of_the_app_is_translated(client, db):
    told = {
        code: json.loads(client.get(f"/marca/x/{code}.webmanifest").content)["description"]
        for code, _name in django_settings.LANGUAGES
    }

    assert len(set(told.values())) == len(told)


def test_worker_stands_at_the_root_and_is_asked_for_anew(client, db):
    answer = client.get("/sw.js")

    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Cache-Control"] == "no-cache"
    assert "worker-src 'self'" in answer["Content-Security-Policy"]
    assert answer.content.decode().endswith('importScripts("/static/js/worker.js");\n')


def test_worker_keeps_the_offline_page_and_files_alone(branded, client, cast):
    text = client.get("/sw.js").content.decode()

    kept = json.loads(text.partition("self.KEPT = ")[2].partition(";\n")[0])
    marked = f"/marca/{brand().digest}/marca.css"
    assert kept["page"] == "/sem-conexao"
    assert [url for url in kept["files"] if not url.startswith("/static/")] == [marked]
    # All that the page asks for is kept, or it would come without its looks.
    page = client.get(kept["page"]).content.decode()
    wanted = {*links(page, "stylesheet"), *re.findall(r'<script src="([^"]+)"', page)}
    assert wanted == set(kept["files"])


def test_offline_page_is_the_same_for_everybody_and_has_every_language(client, cast, settings):
    stranger = client.get("/sem-conexao")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    sign_in(client, cast.rita)
    known = client.get("/sem-conexao?q=4500")

    assert known.content == stranger.content
    text = known.content.decode()
    for sentence in (
        "Sem internet. O que você digitou está guardado.",
        "Sin internet. Lo que escribió está guardado.",
        "No connection. What you typed is kept.",
    ):
        assert text.count(f">{sentence}</h1>") == 1
    assert cast.rita.name not in text
    assert "csrf" not in text


def test_logging_out_has_the_browser_forget(client, cast):
    sign_in(client, cast.ana)

    asked = client.get("/accounts/logout/")
    gone = client.post("/accounts/logout/")

    assert "Clear-Site-Data" not in asked
    assert gone["Clear-Site-Data"] == '"storage"'
    assert client.get("/pedidos").status_code == 302


@pytest.mark.parametrize(("shown", "status"), [(False, 404), (True, 200)])
def test_gallery_exists_where_it_is_switched_on_alone(settings, client, cast, shown, status):
    settings.PORTAL_GALLERY = shown
    sign_in(client, cast.ana)

    assert client.get("/_galeria").status_code == status


def test_gallery_shows_hostile_text_as_text(settings, client, db):
    settings.PORTAL_GALLERY = True

    page = client.get("/_galeria?theme=dark").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert 'data-theme="dark"' in page
    assert 'data-theme="x"' not in client.get("/_galeria?theme=x").content.decode()


def test_production_has_no_gallery():
    assert django_settings.PORTAL_GALLERY is False


def test_a_bundle_is_its_parts_in_their_order():
    css = bundles.join("a.css", ["/* of a */\n.a {\n  color: red;\n}\n", ".b { top: 0; }\n"])

    assert css == ".a {\ncolor: red;\n}\n.b { top: 0; }"
