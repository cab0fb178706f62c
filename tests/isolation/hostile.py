"""Hostile text in every field that a source or a person can fill."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.companies.access import Actor
from erp_bridge.records import DocumentRecord, OrderRecord, System
from tests.factories.records import ALFA_TAX_ID

MARK = "<x-evil>"
# Each is many attacks at once: a field sees all of them, one after the other.
TEXTS = {
    "markup": (
        f"=1+1|'\">{MARK}<img src=x onerror=alert(1)></title></textarea></script>{{{{7*7}}}}%s"
        "%(x)s null None undefined NaN ' OR 1=1 -- %00 ../../etc/passwd \\"
    ),
    "odd letters": f"\u202e\u200b{MARK}\u2066\ufeffe\u0301\u0327\U0001f9e8\r\nX-Evil: 1\r\n\t+1",
    "addresses": f"javascript:alert(document.domain)//{MARK}" + "Wg" * 600,
}

# Written by us alone: codes, hashes and keys that nobody outside words. What is not listed
# here is filled, so that a new field is hostile until somebody says that it cannot be.
OURS = {
    "accounts.Person": {"password", "language", "time_zone", "leading_number", "theme"},
    "accounts.SignInMail": {"language", "outcome"},
    "audit.Incident": {"code", "object_kind", "connection"},
    "audit.PersonExport": {"language"},
    "companies.CompanyImport": {"connection", "outcome", "content"},
    "companies.CustomerId": {"connection"},
    "companies.Acting": {"session_key"},
    "companies.Establishment": {"country"},
    "companies.IdentityProvider": {"slug"},
    "companies.ImportLine": {"verdict"},
    "companies.Invitation": {"language", "outcome", "token_hash"},
    "companies.JoinRequest": {"language", "token_hash"},
    "companies.MapChange": {"kind", "outcome"},
    "companies.MapConflict": {"kind", "outcome"},
    "documents.CalendarFeed": {"token_hash"},
    "documents.Document": {
        *("key", "kind", "title_state", "reason", "problem", "verdict", "signature", "answer"),
    },
    "documents.DocumentRule": {"kind", "connection"},
    "documents.ListExport": {"language", "outcome", "format", "query"},
    "documents.Mailing": {"language", "outcome"},
    "documents.Pack": {"language", "outcome"},
    "documents.Rendering": {"key", "reason"},
    "documents.ShareLink": {"token_hash"},
    "documents.StoredFile": {"sha256"},
    "ingest.Connection": {"name", "kind", "last_error_code"},
    "ingest.Errand": {"kind", "request_id"},
    "ingest.CallCount": {"connection"},
    "ingest.Lane": {"name"},
    "ingest.Pace": {"connection"},
    "ingest.Parked": {"connection", "reason"},
    "ingest.Run": {"kind"},
    "ingest.Stream": {"kind"},
    "ingest.Subscription": {"path_digest", "secret_digest"},
    "notifications.Follow": {"query"},
    "notifications.Notice": {"kind", "key"},
    "notifications.NotificationChoice": {"rhythm"},
    "orders.Decision": {"connection_a", "connection_b"},
    "orders.Divergence": {"field"},
    "orders.LearnedLink": {"connection", "evidence"},
    "orders.PromisedDate": {"connection"},
    "orders.SavedView": {"query"},
    "orders.StatusRule": {"connection", "fulfilment", "billing", "payment"},
    "orders.Supplement": {"connection", "key"},
    "orders.Title": {"state"},
    "orders.AddedNumber": {"connection"},
    "orders.Event": {"connection"},
    "orders.Order": {
        *("origins", "fulfilment", "billing", "payment", "status_system", "draft_hash"),
        "currency",
    },
    "orders.OrderNumber": {"kind"},
    "orders.SourceRecord": {"connection", "system", "detail", "content_hash"},
    "orders.UnmappedStatus": {"connection"},
}
# Roles are written by us wherever they stand.
OURS_EVERYWHERE = {"staff_role", "role"}
# Nobody's words: of the frameworks, or only ever added to.
LEFT_OUT = {"audit.AuditEvent", "audit.AuditSeal", "audit.AuditAnchor"}
APPS = ("accounts", "audit", "companies", "documents", "ingest", "notifications", "orders")


# What a row needs of us to be shown at all: the line of a list of companies.
KNOWN: dict[str, dict[str, Any]] = {
    "companies.ImportLine": {
        "verdict": "new",
        "values": {
            **dict.fromkeys(("name", "customer_type", "team", "detail"), f"=1{MARK}"),
            "tax_ids": [f"@{MARK}"],
            "countries": {f"@{MARK}": f"+{MARK}"},
            "ids": [["erp", f"-{MARK}"]],
            "unconfirmed": [["erp", f"={MARK}"]],
        },
    }
}


def our_models() -> list[type[models.Model]]:
    return [
        model
        for name in APPS
        for model in apps.get_app_config(name).get_models()
        if model._meta.label not in LEFT_OUT
    ]


def text_fields(model: type[models.Model]) -> Iterator[models.Field]:
    """List the fields of a model that hold words from outside."""
    ours = OURS.get(model._meta.label, set()) | OURS_EVERYWHERE
    for field in model._meta.concrete_fields:
        is_text = isinstance(field, (models.CharField, models.TextField))
        is_code = field.choices or isinstance(field, models.GeneratedField)
        if is_text and not is_code and field.name not in ours:
            yield field


def fitting(field: models.Field, text: str, number: int = 0) -> str:
    """Cut a text to what a field holds; another one for each row where they must differ."""
    if isinstance(field, models.EmailField):
        return f'"{MARK}{number}"@x.example'
    length = field.max_length or len(text)
    if _is_unique(field):
        return f"{number}{text}"[:length]
    if MARK not in text[:length]:
        text = MARK if length >= len(MARK) else "=<'&"
    return text[:length]


def _is_unique(field: models.Field) -> bool:
    together = [
        name
        for constraint in field.model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint)
        for name in constraint.fields
    ]
    return field.unique or field.name in together


def fill_rows(text: str) -> set[str]:
    """Put a text into every row of every model; say which fields have it."""
    filled = set()
    for model in our_models():
        for field in text_fields(model):
            for number, pk in enumerate(model._default_manager.values_list("pk", flat=True)):
                value = fitting(field, text, number)
                with transaction.atomic():
                    model._default_manager.filter(pk=pk).update(**{field.name: value})
                filled.add(f"{model._meta.label}.{field.name}")
    return filled


def make_missing_rows(given: dict[type[models.Model], models.Model]) -> None:
    """Make a row of every model that has none, out of what is there and plain values."""
    waiting = [model for model in our_models() if not model._default_manager.exists()]
    while waiting:
        left = []
        for model in waiting:
            try:
                with transaction.atomic():
                    model._default_manager.create(**_values(model, given))
            except (LookupError, IntegrityError):
                left.append(model)
        if len(left) == len(waiting):
            raise AssertionError(f"no row could be made of {[m._meta.label for m in left]}")
        waiting = left


def _values(model: type[models.Model], given: dict[Any, models.Model]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.primary_key and not field.is_relation:
            if isinstance(field, models.CharField):
                values[field.name] = "x"
            continue
        if field.has_default() or isinstance(field, models.GeneratedField):
            continue
        if field.is_relation:
            if not field.null:
                values[field.name] = _related(field.related_model, given)
        elif not field.null and field.db_default is models.NOT_PROVIDED:
            values[field.name] = _plain(field)
    return values | KNOWN.get(model._meta.label, {})


def _related(model: Any, given: dict[Any, models.Model]) -> models.Model:
    found = given.get(model) or model._default_manager.order_by("pk").first()
    if found is None:
        raise LookupError(model)
    return found


def _plain(field: models.Field) -> Any:
    if field.choices:
        return field.choices[0][0]
    if isinstance(field, models.DateTimeField):
        return timezone.now() + timedelta(hours=1)
    for kind, value in (
        (models.DateField, timezone.localdate()),
        (models.TimeField, timezone.now().time()),
        (models.DurationField, timedelta(hours=1)),
        (models.BooleanField, False),
        (models.BinaryField, b"x"),
        (models.DecimalField, Decimal(1)),
        (models.IntegerField, 1),
        (models.JSONField, []),
        (ArrayField, []),
    ):
        if isinstance(field, kind):
            return value
    return "x"


def add_lines(*, company_id: int, person_id: int, text: str) -> None:
    """Add a line of every kind to the audit record, hostile wherever it is told something."""
    told = ("text", "path", "recipient", "name", "email", "query", "reason", "number", "title")
    for action in Action:
        record(
            action,
            actor=Actor(person_id),
            company_id=company_id,
            object_kind="order",
            object_id=text,
            reason=text,
            detail=dict.fromkeys(told, text),
            now=timezone.now(),
        )


# --- what a source says ---------------------------------------------------------------------

# By these an order is put in its place; they are given as they are.
PLACED_BY = {"system": System.ERP, "tax_id": ALFA_TAX_ID, "currency": "BRL", "customer_id": "1001"}


def hostile_record(text: str, kind: type[Any] = OrderRecord, **placed_by: Any) -> Any:
    """Build a record of a source that says one thing in every field that takes words."""
    hints = typing.get_type_hints(kind)
    placed = PLACED_BY | placed_by
    values = {
        field.name: placed.get(field.name, _told(hints[field.name], text, **placed_by))
        for field in dataclasses.fields(kind)
    }
    if kind is OrderRecord:
        values |= {"documents": None, "external_id": placed.get("external_id", "0004500666")}
    if kind is DocumentRecord:
        values |= {"replaced_by": ""}
    return kind(**values)


def _told(hint: Any, text: str, **placed_by: Any) -> Any:
    arguments = typing.get_args(hint)
    if type(None) in arguments:
        return _told(next(each for each in arguments if each is not type(None)), text, **placed_by)
    if typing.get_origin(hint) is tuple:
        return (_told(arguments[0], text, **placed_by),)
    if dataclasses.is_dataclass(hint):
        return hostile_record(text, typing.cast("type[Any]", hint), **placed_by)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    plain = {
        str: text,
        int: 1,
        bool: False,
        Decimal: Decimal("10.00"),
        datetime: timezone.now(),
        date: timezone.localdate(),
    }
    return plain[hint]
