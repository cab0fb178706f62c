"""Pages go out compressed; what could give a secret away, or is a file, does not."""

from __future__ import annotations

import gzip

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from b2b_orders.common.compression import CompressionMiddleware
from tests.factories import sign_in

TAKES = {"Accept-Encoding": "gzip"}


def answer_to(path: str, response: HttpResponse | StreamingHttpResponse):
    request = RequestFactory().get(path, headers=TAKES)
    return CompressionMiddleware(lambda _request: response)(request)


def test_a_page_arrives_compressed_and_whole(client, cast):
    sign_in(client, cast.ana)
    plain = client.get("/pedidos")

    packed = client.get("/pedidos", headers=TAKES)

    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert len(packed.content) < len(plain.content) / 2
    assert b"</html>" in gzip.decompress(packed.content)
    assert packed["Cache-Control"] == "private, no-store"


def test_the_length_of_a_page_is_never_the_same_for_long():
    page = "<p>number</p>" * 100

    lengths = {len(answer_to("/pedidos", HttpResponse(page)).content) for _ in range(30)}

    assert len(lengths) > 5


@pytest.mark.parametrize(
    "path",
    ["/accounts/login/", "/accounts/2fa/recovery-codes/", "/conta/segundo-fator", "/convite", "/d"],
)
def test_pages_with_secrets_go_out_as_they_are(path):
    assert "Content-Encoding" not in answer_to(path, HttpResponse("secret " * 100))


@pytest.mark.parametrize(
    "response",
    [
        StreamingHttpResponse(iter([b"x" * 900]), content_type="text/html"),
        HttpResponse(b"x" * 900, content_type="application/pdf"),
        HttpResponse(b"x" * 900, content_type="application/zip"),
        HttpResponse(b"x" * 900, content_type="application/xml"),
    ],
    ids=["stream", "PDF", "ZIP", "XML"],
)
def test_files_and_streams_go_out_as_they_are(response):
    assert "Content-Encoding" not in answer_to("/pedidos", response)
