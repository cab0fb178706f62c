"""Each mail is worded in the language of whom it goes to, whatever the sender speaks."""

from __future__ import annotations

import pytest
from django.core import mail
from django.utils import translation

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
