"""Mail as a real server gets it."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from django.template import engines
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.common import mail

TEMPLATES = {
    "mail/test.txt": '{% extends "mail/base.txt" %}{% block body %}For {{ name }}{% endblock %}',
    "mail/test.html": '{% extends "mail/base.html" %}{% block body %}<p>{{ name }}</p>'
    "{% endblock %}",
}


class Catcher:
    """Takes in what is sent, or answers what it is told to."""

    def __init__(self) -> None:
        self.caught: list[EmailMessage] = []
        self.senders: list[str] = []
        self.answer = "250 OK"
        self.recipient_answer = "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        del server, session, options
        if self.recipient_answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        del server, session
        self.senders.append(envelope.mail_from)
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.caught.append(parsed)
        return self.answer


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def server(settings) -> Iterator[Catcher]:
    catcher = Catcher()
    controller = Controller(catcher, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = controller.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.DEFAULT_FROM_EMAIL = "pedidos@loja.example"
    settings.PORTAL_SELLER_NAME = "Loja Ação"
    settings.PORTAL_SUPPORT_EMAIL = "ajuda@loja.example"
    yield catcher
    controller.stop()


@pytest.fixture(autouse=True)
def _templates(monkeypatch, tmp_path, settings):
    """Give the engine templates of this test beside the product's own."""
    (tmp_path / "mail").mkdir()
    for name, text in TEMPLATES.items():
        (tmp_path / name).write_text(text)
    [loaders] = [engines["django"].engine.dirs]
    monkeypatch.setattr(engines["django"].engine, "dirs", [*loaders, tmp_path])


def send(**given):
    values = {
        "to": "ana@alfa.example",
        "subject": "Hello",
        "template": "test",
        "context": {"name": "Ana <b>"},
        "language": "pt-br",
    }
    mail.send_mail(**(values | given))


def test_mail_comes_from_the_seller_as_text_and_as_a_page(server):
    send()

    [caught] = server.caught
    assert (caught["From"], caught["To"]) == (
        "Loja Ação <pedidos@loja.example>",
        "ana@alfa.example",
    )
    assert (caught["Subject"], caught["Auto-Submitted"]) == ("Hello", "auto-generated")
    text, page = caught.get_body(("plain",)), caught.get_body(("html",))
    assert "For Ana <b>" in text.get_content()
    assert "<p>Ana &lt;b&gt;</p>" in page.get_content()
    assert 'lang="pt-br"' in page.get_content()
    assert "ajuda@loja.example" in text.get_content()


def test_mail_is_in_the_language_of_who_reads_it(server):
    for language in ("en", "es", ""):
        send(language=language, subject=lazy("Orders"))

    assert [each["Subject"] for each in server.caught] == ["Orders", "Pedidos", "Pedidos"]


def test_files_go_with_it_as_they_are(server):
    send(attachments=[mail.Attachment("NFe-1.xml", b"<a>\xe7</a>\r\n", "application/xml")])

    [attached] = list(server.caught[0].iter_attachments())
    assert (attached.get_filename(), attached.get_content_type()) == (
        "NFe-1.xml",
        "application/xml",
    )
    assert attached.get_content() == b"<a>\xe7</a>\r\n"


def test_a_subject_cannot_add_headers(server):
    send(subject="NF 1\r\nBcc: spy@example.com")

    assert server.caught[0]["Subject"] == "NF 1 Bcc: spy@example.com"
    assert server.caught[0]["Bcc"] is None


def test_an_address_cannot_add_headers(server):
    with pytest.raises(mail.MailFailed) as failed:
        send(to="ana@alfa.example\nBcc: spy@example.com")

    assert (failed.value.reason, failed.value.is_final, server.caught) == ("bad-address", True, [])


@pytest.mark.parametrize(("answer", "is_final"), [("550 no such user", True), ("450 busy", False)])
def test_a_refused_recipient_is_told_from_one_to_try_again(server, answer, is_final):
    server.recipient_answer = answer

    with pytest.raises(mail.MailFailed) as failed:
        send()

    assert (failed.value.reason, failed.value.is_final) == ("recipient-refused", is_final)


@pytest.mark.parametrize(("answer", "is_final"), [("554 spam", True), ("451 later", False)])
def test_a_refused_mail_is_told_from_one_to_try_again(server, answer, is_final):
    server.answer = answer

    with pytest.raises(mail.MailFailed) as failed:
        send()

    assert (failed.value.reason, failed.value.is_final) == ("refused", is_final)


def test_a_server_that_is_away_is_no_final_word(server, settings):
    settings.EMAIL_PORT = 1

    with pytest.raises(mail.MailFailed) as failed:
        send()

    assert (failed.value.reason, failed.value.is_final) == ("no-mail-server", False)


def test_addresses_in_mail_are_whole(settings):
    settings.PORTAL_URL = "https://pedidos.loja.example/"

    assert mail.absolute("/pedidos/1") == "https://pedidos.loja.example/pedidos/1"
