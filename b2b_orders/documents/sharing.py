"""An address that opens one document without logging in, until it expires or is revoked.

It opens what its maker may see at that moment, nothing else and nothing more. Of the secret
only a hash is kept. Whatever is wrong with an address, the answer is the same, after the
same statements.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, Q

from b2b_orders.audit.services import Action, record
from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.companies.models import Company
from b2b_orders.companies.viewers import viewer_of_asker
from b2b_orders.documents.archive_words import document_words, settled_words
from b2b_orders.documents.listing import PAYABLE
from b2b_orders.documents.models import Document, ShareLink, State
from b2b_orders.documents.queries import visible_documents
from b2b_orders.documents.services import (
    DocumentUnavailable,
    Download,
    PaidForSource,
    open_download,
)

SHORTEST, LONGEST, USUAL = 1, 30, 7
_LABEL: Final = 100
_DEAD: Final = frozenset({State.CANCELLED, State.REPLACED, State.EXPECTED, State.NOT_APPLICABLE})
_NOBODY: Final = Viewer(
    person_id=0, company_id=0, rights=frozenset({Right.DOCUMENTS, Right.FINANCE})
)


@dataclass(frozen=True, slots=True)
class ShareView:
    """A link as people of its company see it; its address is not known any more."""

    public_id: uuid.UUID
    label: str
    document: str
    document_id: uuid.UUID
    order_id: uuid.UUID | None
    made_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    openings: int
    opened_at: datetime | None
    is_live: bool
    may_revoke: bool


@dataclass(frozen=True, slots=True)
class SharedDocument:
    """What the page of a link shows. `settled` says that there is nothing to pay any more."""

    company: str
    document: str
    expires_at: datetime
    settled: str


def share_document(
    *, viewer: Viewer, actor: Actor, public_id: uuid.UUID, days: int, label: str, now: datetime
) -> str:
    """Make a link to a document and return its secret, which is not known afterwards.

    Only a company's own people give their documents away: `NotAllowed` for staff.
    """
    if viewer.is_staff:
        raise NotAllowed
    document = visible_documents(viewer=viewer).filter(public_id=public_id).first()
    if document is None:
        raise NotVisible
    if document.state in _DEAD:
        raise InvalidInput("document", "not-available")
    if not SHORTEST <= days <= LONGEST:
        raise InvalidInput("days", "days-out-of-range")
    secret = secrets.token_urlsafe(24)
    link = ShareLink.objects.create(
        company_id=viewer.company_id,
        document=document,
        token_hash=_hash(secret),
        label=" ".join(without_nul(label).split())[:_LABEL],
        person_id=viewer.person_id,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    detail = {"share": str(link.public_id), "kind": document.kind, "days": days}
    _record(Action.DOCUMENT_SHARED, link, document, actor, now, detail)
    return secret


def list_shares(
    *, viewer: Viewer, now: datetime, document_id: uuid.UUID | None = None, limit: int = 50
) -> tuple[ShareView, ...]:
    """List the links to documents that the viewer sees, newest first; the company's own only."""
    if viewer.is_staff:
        return ()
    seen = visible_documents(viewer=viewer)
    if document_id is not None:
        seen = seen.filter(public_id=document_id)
    links = (
        ShareLink.objects.filter(company_id=viewer.company_id, document__in=seen)
        .filter(Q(revoked_at=None) | Q(revoked_at__gt=now - timedelta(days=LONGEST)))
        .filter(expires_at__gt=now - timedelta(days=LONGEST))
        .select_related("document__record__order", "person")
        .defer("document__record__payload", "document__record__facts")
        .order_by("-created_at", "-pk")[:limit]
    )
    return tuple(_view(link, viewer, now) for link in links)


def revoke_share(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """End a link: its maker may, and whoever manages people and sees the document."""
    link = (
        ShareLink.objects.filter(company_id=viewer.company_id, public_id=public_id)
        .select_related("document")
        .first()
    )
    if link is None or viewer.is_staff or not _may_revoke(link, viewer):
        raise NotVisible
    # An administrator of a branch has no say in what they do not see; the maker always may.
    seen = visible_documents(viewer=viewer).filter(pk=link.document_id)
    if link.person_id != viewer.person_id and not seen.exists():
        raise NotVisible
    ended = ShareLink.objects.filter(pk=link.pk, revoked_at=None).update(
        revoked_at=now, revoked_by_id=viewer.person_id
    )
    if ended:
        detail: dict[str, object] = {"share": str(link.public_id)}
        _record(Action.SHARE_REVOKED, link, link.document, actor, now, detail)


# --- without logging in --------------------------------------------------------------------


def look_at_share(*, secret: str, now: datetime) -> SharedDocument:
    """Say what a link leads to, without counting it as opened; `NotVisible` if it leads nowhere."""
    with _entered(secret, now) as (link, document, _viewer):
        return SharedDocument(
            company=Company.objects.get(pk=link.company_id).name,
            document=document_words(document),
            expires_at=link.expires_at,
            settled=settled_words(document.title_state) if document.kind in PAYABLE else "",
        )


def open_share(
    *, secret: str, actor: Actor, source: PaidForSource, now: datetime
) -> Download | None:
    """Hand out a link's document, and count and record the opening.

    None when it is a paper to pay that is settled, or that cannot be checked now: it may be
    by now. Raises `NotVisible` for a link that leads nowhere, `DocumentUnavailable` for a
    file that cannot be had.
    """
    with _entered(secret, now) as (link, document, viewer):
        if _is_settled(document):
            return None
        # Raised once the scope has ended: what was found wrong is kept.
        try:
            taken = open_download(
                viewer=viewer,
                actor=actor,
                public_id=document.public_id,
                source=source,
                now=now,
                action=None,
                about={"share": str(link.public_id)},
            )
        except DocumentUnavailable as error:
            refusal = error
        else:
            return _note_opening(link, document, taken, actor, now)
    raise refusal


def _note_opening(
    link: ShareLink, document: Document, taken: Download, actor: Actor, now: datetime
) -> Download | None:
    # The source may just have told that it is paid.
    document.refresh_from_db(fields=("title_state",))
    if _is_settled(document) or not taken.is_checked:
        return None
    ShareLink.objects.filter(pk=link.pk).update(openings=F("openings") + 1, opened_at=now)
    detail: dict[str, object] = {
        "share": str(link.public_id),
        "label": link.label,
        "filename": taken.filename,
        "sha256": taken.sha256,
    }
    _record(Action.SHARE_OPENED, link, document, actor, now, detail)
    return taken


def _is_settled(document: Document) -> bool:
    return document.kind in PAYABLE and bool(settled_words(document.title_state))


@contextmanager
def _entered(secret: str, now: datetime) -> Iterator[tuple[ShareLink, Document, Viewer]]:
    """Enter the company of a link as its maker; `NotVisible` for every link that is not alive.

    One that never existed costs the same statements as one that has ended.
    """
    with tenancy.scope(role=tenancy.WEB):
        tenancy.enter_token(_hash(secret))
        link = ShareLink.objects.filter(token_hash=_hash(secret)).first()
        tenancy.enter_token("")
        tenancy.enter_company(link.company_id if link else None)
        maker = viewer_of_asker(
            person_id=link.person_id if link else 0,
            company_id=link.company_id if link else 0,
            is_staff=False,
        )
        document = (
            visible_documents(viewer=maker or _NOBODY)
            .filter(pk=link.document_id if link else 0)
            .first()
        )
        is_alive = link is not None and link.revoked_at is None and now < link.expires_at
        if (
            link is None
            or maker is None
            or document is None
            or not is_alive
            or document.state in _DEAD
        ):
            raise NotVisible
        yield link, document, maker


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _may_revoke(link: ShareLink, viewer: Viewer) -> bool:
    return link.person_id == viewer.person_id or viewer.can(Right.PEOPLE)


def _view(link: ShareLink, viewer: Viewer, now: datetime) -> ShareView:
    order = link.document.record.order
    is_live = link.revoked_at is None and now < link.expires_at
    return ShareView(
        public_id=link.public_id,
        label=link.label,
        document=document_words(link.document),
        document_id=link.document.public_id,
        order_id=order.public_id if order else None,
        made_by=link.person.name,
        created_at=link.created_at,
        expires_at=link.expires_at,
        revoked_at=link.revoked_at,
        openings=link.openings,
        opened_at=link.opened_at,
        is_live=is_live,
        may_revoke=is_live and _may_revoke(link, viewer),
    )


def _record(
    action: Action,
    link: ShareLink,
    document: Document,
    actor: Actor,
    now: datetime,
    detail: dict[str, object],
) -> None:
    record(
        action,
        actor=actor,
        company_id=link.company_id,
        object_kind="document",
        object_id=str(document.public_id),
        detail=detail,
        now=now,
    )
