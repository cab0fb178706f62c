"""What workers do for people who sign in. Every task is short and may run twice."""

from __future__ import annotations

from celery import shared_task

from b2b_orders.accounts import mailing, sessions
from b2b_orders.common import clock


@shared_task(name="accounts.send_mail", acks_late=True)
def send_mail(*, mail_id: int) -> None:
    """Send one mail about signing in."""
    mailing.run(mail_id=mail_id, now=clock.now())


@shared_task(name="accounts.sweep_mail")
def sweep_mail() -> None:
    """Send what was left lying."""
    now = clock.now()
    for mail_id in mailing.waiting(now=now):
        mailing.run(mail_id=mail_id, now=now)


@shared_task(name="accounts.tidy")
def tidy() -> None:
    """Forget mails that were sent long ago, and log-ins that are over."""
    now = clock.now()
    mailing.forget_old(now=now)
    sessions.delete_expired(now=now)
