"""When somebody is written to: their hours, in their zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.access import Actor
from b2b_orders.notifications.choices import Choice, Rhythm, read_choice, save_choice, zone_of
from b2b_orders.notifications.models import Kind
from tests.factories import NOW

SAO_PAULO, MANAUS = ZoneInfo("America/Sao_Paulo"), ZoneInfo("America/Manaus")
HOUR = timedelta(hours=1)


def at(text: str, zone: ZoneInfo = SAO_PAULO) -> datetime:
    return datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=zone).astimezone(UTC)


def is_due(choice: Choice, oldest: datetime, now: datetime, zone: ZoneInfo = SAO_PAULO) -> bool:
    return choice.is_due(oldest=oldest, now=now, zone=zone, pause=HOUR)


@pytest.mark.parametrize(
    ("happened", "now", "mailed", "told"),
    [
        # A little pause, so that what happens together comes together.
        ("10 10:00", "10 10:04", None, False),
        ("10 10:00", "10 10:05", None, True),
        ("10 10:00", "10 10:30", "10 09:40", False),
        ("10 10:00", "10 10:40", "10 09:40", True),
    ],
)
def test_at_once_is_after_a_little_pause_and_an_hour_after_the_last_mail(
    happened, now, mailed, told
):
    choice = Choice(mailed_at=at(mailed) if mailed else None)

    assert is_due(choice, at(happened), at(now)) is told


@pytest.mark.parametrize(
    ("happened", "now", "mailed", "told"),
    [
        ("10 07:00", "10 07:59", None, False),
        ("10 07:00", "10 08:00", None, True),
        ("10 09:00", "10 23:00", None, False),
        ("10 09:00", "11 08:00", "10 08:00", True),
        # A worker that was away: it is made up for the same day.
        ("10 07:00", "10 21:00", "09 08:00", True),
        ("10 07:00", "10 09:00", "10 08:01", False),
        # Of yesterday evening, in the small hours.
        ("10 21:00", "11 03:00", "10 08:00", False),
    ],
)
def test_daily_is_at_the_persons_hour(happened, now, mailed, told):
    choice = Choice(rhythm=Rhythm.DAILY, daily_at=8, mailed_at=at(mailed) if mailed else None)

    assert is_due(choice, at(happened), at(now)) is told


def test_hours_are_those_of_the_persons_zone():
    choice = Choice(rhythm=Rhythm.DAILY, daily_at=8)

    assert is_due(choice, at("10 06:00"), at("10 08:30"), SAO_PAULO)
    assert not is_due(choice, at("10 06:00"), at("10 08:30"), MANAUS)
    assert is_due(choice, at("10 06:00"), at("10 09:00"), MANAUS)


@pytest.mark.parametrize(
    ("quiet", "hour", "told"),
    [
        ((20, 7), 19, True),
        ((20, 7), 20, False),
        ((20, 7), 0, False),
        ((20, 7), 6, False),
        ((20, 7), 7, True),
        ((12, 14), 12, False),
        ((12, 14), 14, True),
        ((9, 9), 9, True),
        ((None, None), 3, True),
    ],
)
def test_quiet_hours_may_go_over_midnight(quiet, hour, told):
    choice = Choice(quiet_from=quiet[0], quiet_until=quiet[1])
    now = at(f"10 {hour:02}:00")

    assert is_due(choice, now - HOUR, now) is told


def test_paused_is_never():
    assert not is_due(Choice(rhythm=Rhythm.OFF), at("01 08:00"), at("10 08:00"))


@pytest.mark.parametrize("name", ["", "Nowhere/At_All", "../etc/passwd", "x" * 300])
def test_a_zone_that_is_none_is_the_installations(settings, name):
    settings.TIME_ZONE = "America/Sao_Paulo"

    assert zone_of(name).key == "America/Sao_Paulo"


GIVEN = {
    "rhythm": "daily",
    "daily_at": 18,
    "quiet_from": 20,
    "quiet_until": 7,
    "due_days": 5,
    "wanted": ("status", "due"),
}


@pytest.mark.django_db
def test_what_is_chosen_is_kept_and_recorded(cast):
    assert read_choice(person_id=cast.ana.pk) == Choice()

    save_choice(person_id=cast.ana.pk, actor=Actor(cast.ana.pk), now=NOW, **GIVEN)

    kept = read_choice(person_id=cast.ana.pk)
    assert (kept.rhythm, kept.daily_at, kept.quiet_from, kept.quiet_until, kept.due_days) == (
        Rhythm.DAILY,
        18,
        20,
        7,
        5,
    )
    assert set(kept.without) == set(Kind.values) - {"status", "due"}
    assert AuditEvent.objects.get(action=Action.NOTICES_CHANGED).detail["rhythm"] == "daily"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"rhythm": "hourly"}, "rhythm"),
        ({"daily_at": 24}, "daily_at"),
        ({"quiet_from": None}, "quiet_from"),
        ({"quiet_until": None}, "quiet_until"),
        ({"quiet_until": -1}, "quiet_until"),
        ({"due_days": 16}, "due_days"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(cast, wrong, where):
    with pytest.raises(InvalidInput) as refused:
        save_choice(person_id=cast.ana.pk, actor=Actor(), now=NOW, **(GIVEN | wrong))

    assert refused.value.field == where
    assert read_choice(person_id=cast.ana.pk) == Choice()
