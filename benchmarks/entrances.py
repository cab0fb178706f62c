"""Whether the time of an answer tells a stranger who has an account, or which links exist.

Each pair is asked for in random order, from a new network address each time: what there is
(an account, a domain that is a customer's, a link that was ended) and what never was.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from benchmarks.search_by_number import EMAIL, ROOT, Client

KNOWN = 100
_MAKE = """
import hashlib
from datetime import timedelta
from django.utils import timezone
from b2b_orders.accounts.models import Person
from b2b_orders.companies.models import Company, EmailDomain, Invitation, Membership
from b2b_orders.documents.models import Document, ShareLink
from b2b_orders.orders.models import Order, SourceRecord
now = timezone.now()
later = now + timedelta(days=7)
hashed = lambda secret: hashlib.sha256(secret.encode()).hexdigest()
company = Company.objects.get(pk=1)
person = Person.objects.get(email=%(email)r)
gone = Person(email="gone@example.com", name="Gone", password=person.password)
gone.save()
Membership.objects.create(person=gone, company=company, role="buyer", is_active=False)
Person.objects.bulk_create(
    Person(email=f"known{n}@example.com", name="Known", password=person.password)
    for n in range(%(known)d)
)
EmailDomain.objects.create(
    domain="known.example", company=company, may_join=True, verified_at=now
)
record = SourceRecord.objects.create(
    connection="erp", system="erp", external_id="1", company=company,
    order=Order.objects.filter(company=company).first(), detail="full", facts={},
    content_hash="0", payload=b"", first_seen_at=now, read_at=now, changed_at=now,
)
document = Document.objects.create(
    record=record, key="danfe", company=company, kind="danfe", title="DANFE",
    state="available", state_since=now, listed_at=now,
)
for n in range(%(known)d):
    ShareLink.objects.create(
        company=company, document=document, person=person, created_at=now, expires_at=later,
        token_hash=hashed(f"revoked{n:036d}"), revoked_at=now,
    )
    ShareLink.objects.create(
        company=company, document=document, person=gone, created_at=now, expires_at=later,
        token_hash=hashed(f"removed{n:036d}"),
    )
    Invitation.objects.create(
        company=company, email=f"i{n}@known.example", role="viewer", asked_at=now,
        expires_at=later, token_hash=hashed(f"{n:064x}"), revoked_at=now,
    )
"""


def make_entrances(env: dict[str, str]) -> None:
    """Make people, a domain, and links that were ended, as the owner of the database."""
    words = _MAKE % {"email": EMAIL, "known": KNOWN}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", words]
    subprocess.run(command, cwd=ROOT, env=env, check=True)


@dataclass(frozen=True)
class Pair:
    """Something that there is, and something like it that never was."""

    name: str
    ask: Callable[[str], int]
    there: Callable[[], str]
    never: Callable[[], str]


def pairs_of(port: int) -> list[Pair]:
    """List what a stranger can ask for."""
    chance = random.Random(11)

    def one(pattern: str) -> Callable[[], str]:
        return lambda: pattern % chance.randrange(KNOWN)

    def never(pattern: str, bits: int) -> Callable[[], str]:
        return lambda: pattern % chance.getrandbits(bits)

    link, letter = never("/d/unknown%036x", 144), never("/convite/f%063x", 252)
    stranger = never("never%x@example.com", 64)
    joiner = ("n%x@known.example", "n%x@other.example")
    form = _forms(port, chance)
    return [
        Pair("share link, revoked", _opened(port, chance), one("/d/revoked%036d"), link),
        Pair("share link of who was removed", _opened(port, chance), one("/d/removed%036d"), link),
        Pair("invitation, revoked", _opened(port, chance), one("/convite/%064x"), letter),
        Pair(
            "log-in, wrong password",
            form("/accounts/login/", "login", password="not the password"),
            *(one("known%d@example.com"), stranger),
        ),
        Pair(
            "forgotten password",
            form("/accounts/password/reset/", "email"),
            *(one("known%d@example.com"), stranger),
        ),
        Pair(
            "code by mail",
            form("/accounts/login/code/", "email"),
            *(one("known%d@example.com"), stranger),
        ),
        Pair(
            "wish to join, by domain",
            form("/entrar-na-empresa", "email", name="Nina"),
            *(never(each, 64) for each in joiner),
        ),
    ]


def _from_anywhere(chance: random.Random) -> dict[str, str]:
    return {"X-Forwarded-For": f"10.{'.'.join(str(chance.randrange(1, 255)) for _ in range(3))}"}


def _opened(port: int, chance: random.Random) -> Callable[[str], int]:
    client = Client(port)

    def ask(path: str) -> int:
        client.cookies.clear()
        return client.send("GET", path, **_from_anywhere(chance))[0]

    return ask


def _forms(port: int, chance: random.Random) -> Callable[..., Callable[[str], int]]:
    def form(path: str, field: str, **more: str) -> Callable[[str], int]:
        client = Client(port)
        _, page, _ = client.send("GET", path, **_from_anywhere(chance))
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, f"no form at {path}"
        cookies = dict(client.cookies)

        def ask(typed: str) -> int:
            client.cookies = dict(cookies)
            given = {field: typed, **more, "csrfmiddlewaretoken": token[1]}
            return client.send("POST", path, urlencode(given), **_from_anywhere(chance))[0]

        return ask

    return form
