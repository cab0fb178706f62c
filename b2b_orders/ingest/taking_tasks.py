"""What workers do for people who take documents. Every task is short and may run twice."""

from __future__ import annotations

from celery import shared_task

from b2b_orders.common import clock
from b2b_orders.ingest import mail_work, packs_work


@shared_task(name="ingest.build_pack", acks_late=True)
def build_pack(*, pack_id: int) -> None:
    """Build at a pack for a while."""
    packs_work.run_pack(pack_id=pack_id, clock=clock.now)


@shared_task(name="ingest.send_mailing", acks_late=True)
def send_mailing(*, mailing_id: int) -> None:
    """Send a document by e-mail."""
    mail_work.run_mailing(mailing_id=mailing_id, clock=clock.now)


@shared_task(name="ingest.sweep_taking", acks_late=True)
def sweep_taking() -> None:
    """Take up packs and mails whose message or worker was lost."""
    now = clock.now()
    packs_work.give_up_packs(now=now)
    for pack_id in packs_work.waiting_packs(now=now):
        packs_work.wake(pack_id)
    for pack_id in packs_work.untold_packs(now=now):
        packs_work.tell(pack_id=pack_id, now=now)
    for mailing_id in mail_work.waiting_mailings(now=now):
        mail_work.wake(mailing_id)


@shared_task(name="ingest.tidy_packs", acks_late=True)
def tidy_packs() -> None:
    """Delete the files of packs that have expired."""
    packs_work.clear_packs(now=clock.now())
