"""Each mail is worded in the language of whom it goes to, whatever the sender speaks."""

from __future__ import annotations

import pytest
from django.core import mail
from django.utils import translation

from b2b_orders.common.branding import shades_of
from b2b_orders.common.mail import send_mail
from tests.factories.mails import MAILS, Everything

LANGUAGES = ("pt-br", "es", "en")


@pytest.mark.parametrize("template", MAILS)
def test_a_mail_has_words_of_its_own_in_each_language_in_both_its_parts(template):
    with translation.override("en"):
        for language in LANGUAGES:
            send_mail(
                to="ana@x.example",
                subject="x",
                template=template,
                context=Everything("4711"),
                language=language,
            )

    plain = [sent.body for sent in mail.outbox]
    pages = [sent.alternatives[0].content for sent in mail.outbox]
    assert len(set(plain)) == len(set(pages)) == 3
    for language, page in zip(LANGUAGES, pages, strict=True):
        assert f'lang="{language}"' in page


@pytest.mark.parametrize("template", MAILS)
def test_a_mail_has_the_sellers_colour_by_day_and_by_night(template, settings):
    settings.PORTAL_BRAND_COLOR = "#7a1f5c"
    by_day, by_night = shades_of("#7a1f5c")

    send_mail(
        to="ana@x.example",
        subject="x",
        template=template,
        context=Everything("4711"),
        language="es",
    )

    page = mail.outbox[0].alternatives[0].content
    assert f"border-top:4px solid {by_day.accent}" in page
    assert f"background: {by_night.accent} !important; color: {by_night.ink}" in page
    assert "0a5a55" not in page
