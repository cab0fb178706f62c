"""Showing a document instead of saving it: only what a browser shows without running any of it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import BinaryIO, Final, cast

import pikepdf

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import ProductError
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.documents.queries import DocumentRow
from b2b_orders.documents.services import Download, PaidForSource, open_download

# Never XML or HTML: with a style sheet either can run script as if it were a page of ours.
SHOWN: Final = frozenset({"application/pdf", "image/png", "image/jpeg"})


class NotShown(ProductError):
    """It can only be downloaded."""

    code = "not-shown"


def may_be_shown(row: DocumentRow) -> bool:
    """Say whether a document of a list is likely to be shown, before its file is looked at."""
    return row.state == "available" and row.filename.endswith((".pdf", ".png", ".jpg"))


def open_view(
    *,
    viewer: Viewer,
    actor: Actor,
    public_id: uuid.UUID,
    source: PaidForSource,
    now: datetime,
) -> Download:
    """Hand out a file to be shown, and write the audit line.

    Raises `NotShown` for what can only be downloaded: other kinds of file, a locked PDF, and
    a paper to pay that could not be checked (its name must say so, and a view has none);
    else as `open_download`.
    """
    taken = open_download(
        viewer=viewer, actor=actor, public_id=public_id, source=source, now=now, action=None
    )
    if taken.content_type not in SHOWN or not taken.is_checked or _is_locked(taken):
        raise NotShown
    record(
        Action.DOCUMENT_VIEWED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="document",
        object_id=str(public_id),
        detail={"filename": taken.filename, "sha256": taken.sha256, "size": taken.size},
        now=now,
    )
    return taken


def _is_locked(taken: Download) -> bool:
    if taken.content_type != "application/pdf":
        return False
    with taken.open() as file:
        try:
            with pikepdf.open(cast("BinaryIO", file), attempt_recovery=False) as pdf:
                return bool(pdf.is_encrypted)
        except pikepdf.PasswordError:
            return True
        except pikepdf.PdfError:
            # It was checked when it came; whatever this is, it is not shown.
            return True
