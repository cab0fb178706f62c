"""What workers do that pages word. Every task is short and may run twice."""

from __future__ import annotations

from celery import shared_task

from b2b_orders.audit import volume
from b2b_orders.common import clock
from b2b_orders.documents.list_exports import clear_exports, waiting_exports
from b2b_orders.portal import exporting, notices_mail, people_mail
from b2b_orders.portal.alarms import tell_alarms
from b2b_orders.portal.answering import tell_askers
from b2b_orders.portal.telling import tell_arrivals, tell_watchers


@shared_task(name="documents.tell", acks_late=True)
def tell() -> None:
    """Tell people that a document is there which they wait for."""
    tell_watchers(now=clock.now())


@shared_task(name="audit.tell_alarms", acks_late=True)
def alarm() -> None:
    """Tell operations of what should not wait."""
    tell_alarms(now=clock.now())


@shared_task(name="orders.tell_answers", acks_late=True)
def answer() -> None:
    """Tell people that a question of theirs was answered."""
    tell_askers(now=clock.now())


@shared_task(name="people.send_mail", acks_late=True)
def send_people_mail() -> None:
    """Send the mails by which people come into a company."""
    people_mail.send_waiting(now=clock.now())


@shared_task(name="people.tidy", acks_late=True)
def tidy_people() -> None:
    """Forget what nobody followed up."""
    people_mail.tidy(now=clock.now())


@shared_task(name="orders.tell_awaited", acks_late=True)
def tell_awaited() -> None:
    """Tell staff that a number is there which they did not find."""
    tell_arrivals(now=clock.now())


@shared_task(name="audit.watch_staff", acks_late=True)
def watch_staff() -> None:
    """Find staff who opened too much within the hour while nothing counted it."""
    volume.find_heavy(now=clock.now())


@shared_task(name="orders.write_export", acks_late=True)
def write_export(*, export_id: int) -> None:
    """Write a list of orders into a file."""
    exporting.run_export(export_id=export_id, clock=clock.now)


@shared_task(name="orders.sweep_exports", acks_late=True)
def sweep_exports() -> None:
    """Take up exports whose message or worker was lost, and tell whoever was not told."""
    now = clock.now()
    for export_id in waiting_exports(now=now):
        exporting.wake(export_id)
    exporting.tell_finished(now=now)


@shared_task(name="orders.tidy_exports", acks_late=True)
def tidy_exports() -> None:
    """Delete the files of exports that have expired."""
    clear_exports(now=clock.now())


@shared_task(name="notifications.tell", acks_late=True)
def tell_notices() -> None:
    """Mail people what they are to be told, when it is time."""
    notices_mail.tell(now=clock.now())
