"""The mail that tells somebody that a question of theirs was answered."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from b2b_orders.common.mail import absolute, send_mail
from b2b_orders.orders import questions
from b2b_orders.orders.questions import Answered
from b2b_orders.portal import words


def tell_askers(*, now: datetime) -> int:
    """Tell everybody whose question was answered; say how many were told."""
    return questions.tell_askers(now=now, send=send_answer)


def send_answer(news: Answered) -> None:
    """Mail question and answer, with a link that asks for a log-in and names the company."""
    order = {"company": news.company, "public_id": news.order}
    page = reverse("portal:order-history", kwargs=order)
    with translation.override(news.language or settings.LANGUAGE_CODE):
        subject = _("Answer about order %(order)s") % {"order": news.order_title}
        by = words.staff_name(news.answered_by, news.staff_role)
    send_mail(
        to=news.email,
        subject=subject,
        template="answer",
        context={"news": news, "by": by, "url": f"{absolute(page)}#question-{news.question}"},
        language=news.language,
    )
