"""What an errand is made of: its kind, what is asked and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from b2b_orders.audit.services import Action

Params = Mapping[str, Any]


class Kind(StrEnum):
    """What operations can have done."""

    TEST_CONNECTION = "test-connection"
    RUN_NOW = "run-now"
    OUTAGE_ON = "outage-on"
    OUTAGE_OFF = "outage-off"
    TAKE_OVER = "take-over"
    RETRY_PARKED = "retry-parked"
    DISCARD_PARKED = "discard-parked"
    ASSIGN_COMPANY = "assign-company"
    MAP_STATUS = "map-status"
    DROP_STATUS = "drop-status"
    JOIN = "join"
    SPLIT = "split"
    UNDO_DECISION = "undo-decision"
    DOCUMENT_RULE = "document-rule"
    CUSTOMER_TYPE = "customer-type"
    MAKE_COMPANY = "make-company"
    CHANGE_COMPANY = "change-company"
    ADD_TO_COMPANY = "add-to-company"
    MOVE_PIECES = "move-pieces"
    SPLIT_COMPANY = "split-company"
    MERGE_COMPANIES = "merge-companies"
    APPROVE_CHANGE = "approve-change"
    REJECT_CHANGE = "reject-change"
    UNDO_CHANGE = "undo-change"
    SETTLE_CONFLICT = "settle-conflict"
    READ_IMPORT = "read-import"
    APPLY_IMPORT = "apply-import"
    DROP_IMPORT = "drop-import"
    SIGN_IN_PROVIDER = "sign-in-provider"
    EMAIL_DOMAIN = "email-domain"
    STAFF = "staff"
    MOVE_CUSTOMER = "move-customer"
    TEAM = "team"
    COMPANY_TEAM = "company-team"
    EXPORT_PERSON = "export-person"
    ANONYMISE_PERSON = "anonymise-person"


@dataclass(frozen=True, slots=True)
class Task:
    """An errand as the code that does it needs it."""

    params: Params
    person_id: int | None
    reason: str
    asked_at: datetime
    clock: Callable[[], datetime]
    # What an earlier turn of this errand came to, see `Outcome.goes_on`.
    so_far: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an errand: a code, figures for the page, and what the record names.

    `about` is kept in the audit record beside the outcome's code. One that `goes_on` is no
    outcome yet: its figures are what the errand's next turn begins with.
    """

    code: str
    is_done: bool = True
    figures: Mapping[str, Any] = field(default_factory=dict)
    company_id: int | None = None
    object_kind: str = ""
    object_id: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """How a kind of errand is checked, done and recorded."""

    action: Action
    check: Callable[[Params], dict[str, Any]]
    run: Callable[[Task], Outcome]
    needs_reason: bool = False
