"""The demo's mail can be read in a browser, whatever stands in it."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.filebased import EmailBackend

from erp_bridge.simulators.mail import MailPage, read_mail, text_of
from erp_bridge.simulators.vtex import VtexSimulator
from tests.erp_bridge.simulators.conftest import ask


@pytest.fixture
def send(tmp_path):
    def sending(*messages: EmailMultiAlternatives) -> None:
        EmailBackend(file_path=tmp_path).send_messages(list(messages))

    return sending


def mail(subject: str, to: str, text: str) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(subject, text, "no-reply@loja.example", [to])
    message.attach_alternative(f"<p>{text}</p>", "text/html")
    return message


def test_messages_are_read_newest_first_with_their_words(send, tmp_path):
    link = "http://127.0.0.1:8000/pacotes/" + "a1" * 60
    send(mail("Pronto: São Paulo", "ana@alfa.example", "Olá,\n" + "-" * 40), mail("2", "b@x", "x"))
    send(mail("Última", "ana@alfa.example", f"Abra {link} agora"))

    found = read_mail(tmp_path)

    assert [message["subject"] for message in found] == ["Última", "2", "Pronto: São Paulo"]
    assert link in text_of(found[0])
    assert text_of(found[2]).strip() == "Olá,\n" + "-" * 40


def test_the_page_shows_one_persons_mail_with_links_and_no_markup_of_theirs(send, tmp_path, world):
    hostile = '<script>alert(1)</script> http://x.example/?a="><script>'
    send(mail("<b>Oi</b>", "ana@alfa.example", hostile), mail("Outra", "bia@alfa.example", "x"))
    with VtexSimulator(world) as vtex:
        vtex.pages["/_mail"] = MailPage(tmp_path)

        page = ask(vtex, "/_mail", {"to": "ana@"}, headers={}).body.decode()

        assert vtex.log == type(vtex.log)(maxlen=2_000)
    assert "&lt;b&gt;Oi&lt;/b&gt;" in page
    assert "<script>" not in page
    assert '<a href="http://x.example/?a=&quot;&gt;&lt;script&gt;">' in page
    assert "Outra" not in page


def test_without_mail_the_page_says_so(tmp_path, world):
    with VtexSimulator(world) as vtex:
        vtex.pages["/_mail"] = MailPage(tmp_path / "none")

        assert "No mail yet." in ask(vtex, "/_mail", headers={}).body.decode()
