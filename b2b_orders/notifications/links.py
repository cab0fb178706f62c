"""Links in mails that end a follow, or all notices, without logging in.

They are signed, not stored: they open nothing and end only what they name, so they hold for as
long as the key that signed them does.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from django.core import signing

from b2b_orders.common.errors import NotVisible

_SALT: Final = "b2b_orders.notifications.ending"
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Ending:
    """What a link ends: one follow of a person, or without one all that they are told."""

    person_id: int
    company_id: int = 0
    follow: uuid.UUID | None = None


def sign_ending(ending: Ending) -> str:
    """Write the secret of a link."""
    follow = ending.follow.hex if ending.follow else ""
    return signing.dumps([ending.person_id, ending.company_id, follow], salt=_SALT)


def read_ending(secret: str) -> Ending:
    """Read the secret of a link; `NotVisible` when it is not ours."""
    if len(secret) > _LONGEST:
        raise NotVisible
    try:
        person_id, company_id, follow = signing.loads(secret, salt=_SALT)
    except signing.BadSignature as error:
        raise NotVisible from error
    return Ending(person_id, company_id, uuid.UUID(follow) if follow else None)
