"""The words of the pages for operations, as tables: see `words`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as lazy

from b2b_orders.portal.words import Text, Word

BREAKER: dict[str, Word] = {
    "closed": Word(lazy("Calls go through"), "good", "check"),
    "open": Word(lazy("Left alone after failures"), "bad", "cross"),
    "half-open": Word(lazy("The next call finds out"), "warn", "dots"),
}

LANE: dict[str, Text] = {
    "feed": lazy("Feed"),
    "inbox": lazy("Inbox"),
    "history": lazy("History"),
    "upkeep": lazy("Upkeep of feed and hook"),
    "poll": lazy("Latest orders"),
    "documents": lazy("Documents, ahead of time"),
}

RUN_KIND: dict[str, Text] = LANE | {
    "sync": lazy("Command"),
    "backfill": lazy("Back-fill"),
    "compare": lazy("Nightly comparison"),
}

STREAM: dict[str, Text] = {
    "backfill": lazy("Back-fill"),
    "range": lazy("A range of days"),
    "compare": lazy("Nightly comparison"),
    "period": lazy("Periods, company by company"),
    "links": lazy("Web orders looked for in the ERP"),
}

SUBSCRIPTION_KIND: dict[str, Text] = {"feed": lazy("Feed"), "hook": lazy("Hook")}

SUBSCRIPTION: dict[str, Word] = {
    "unknown": Word(lazy("Not checked yet"), "plain", "dots"),
    "ours": Word(lazy("As we set it"), "good", "check"),
    "missing": Word(lazy("Missing"), "bad", "alert"),
    "foreign": Word(lazy("Somebody else's"), "bad", "alert"),
    "forbidden": Word(lazy("Refused to our key"), "bad", "cross"),
    "failing": Word(lazy("Cannot be checked"), "warn", "alert"),
}

# By the codes of `erp_bridge.errors` and of ingest.
PARKED_REASON: dict[str, Text] = {
    "contract-violation": lazy("The answer is not as agreed"),
    "cannot-store": lazy("It cannot be stored"),
    "feed-item": lazy("An event that names no order"),
    "row": lazy("A row that cannot be read"),
    "search": lazy("It does not say what changed"),
    "changed-hands": lazy("It is said to be another company's now"),
    "not-found": lazy("It is not there"),
    "bad-request": lazy("The source refuses the question"),
    "refused": lazy("The address is not allowed"),
    "unsupported": lazy("It cannot be asked for this"),
    "wrong-owner": lazy("It is another company's"),
    "unreachable": lazy("No connection, or no answer in time"),
    "throttled": lazy("It asks to wait"),
    "source-failing": lazy("The source fails"),
    "transient": lazy("The source fails"),
    "credentials-rejected": lazy("It refuses our connection"),
}
SOURCE_ERROR = PARKED_REASON

# What ended a pass without an error of a source; anything else is shown as it was said.
PASS_ENDED: dict[str, Text] = {"stopped": lazy("stopped by hand")}

SUBJECT: dict[str, Text] = {
    "person": lazy("Person"),
    "order": lazy("Order"),
    "order title": lazy("Order"),
    "document": lazy("Document"),
    "connection": lazy("Connection"),
    "feed": lazy("Feed"),
    "hook": lazy("Hook"),
    "subscription": lazy("Feed or hook"),
}

# What an incident's details are called; an unknown one is shown as it was noted.
DETAIL: dict[str, Text] = {
    "kind": lazy("document"),
    "external_id": lazy("id at the source"),
    "found": lazy("file that came"),
    "sha256": "SHA-256",
    "message": lazy("message"),
    "reason": lazy("reason"),
    "detail": lazy("detail"),
    "operation": lazy("question asked"),
    "problem": lazy("problem"),
    "before": lazy("before"),
    "now": lazy("now"),
    "hours": lazy("hours"),
    "quantity": lazy("events"),
    "within_an_hour": lazy("within an hour"),
    "name": lazy("name"),
    "orders": lazy("orders"),
    "companies": lazy("companies"),
}

# What deserves attention: %(label)s is the connection, %(part)s a lane, a feed or a hook.
CONCERN: dict[str, Text] = {
    "down": lazy("%(label)s has not answered since %(since)s."),
    "never": lazy("%(label)s was never reached."),
    "outage": lazy("An outage of %(label)s is rehearsed since %(since)s."),
    "subscription-missing": lazy("%(part)s of %(label)s: its configuration is missing."),
    "subscription-foreign": lazy(
        "%(part)s of %(label)s: it is configured for another purpose, and left as it is."
    ),
    "subscription-forbidden": lazy("%(part)s of %(label)s: our key may not see or set it."),
    "subscription-failing": lazy("%(part)s of %(label)s: it cannot be checked."),
    "feed-ageing": lazy(
        "The feed of %(label)s holds %(count)s events, the oldest since %(since)s."
        " VTEX deletes them after some days."
    ),
    "lane-failing": lazy("%(label)s, %(part)s: ended early %(count)s times in a row."),
    "lane-late": lazy(
        "%(label)s, %(part)s: due since %(since)s, and no worker has taken it up."
        " See that workers and beat run."
    ),
    "backlog-late": lazy(
        "%(label)s: %(count)s orders wait to be read, the oldest since %(since)s."
    ),
    "parked-lately": lazy("%(label)s: %(count)s items were parked in the last 24 hours."),
}
CONCERN_TONE: dict[str, tuple[str, str]] = {
    "outage": ("warn", "clock"),
    "never": ("warn", "dots"),
    "parked-lately": ("warn", "inbox"),
    "backlog-late": ("warn", "clock"),
    "subscription-failing": ("warn", "alert"),
}

DECISION: dict[str, Text] = {"join": lazy("Joined"), "split": lazy("Split")}

# Fields on which sources disagree, beside those of `words.FIELD`.
FIELD: dict[str, Text] = {
    "billing": lazy("Invoicing"),
    "payment": lazy("Payment"),
    "invoices": lazy("Invoices"),
}

ERRAND: dict[str, Text] = {
    "export-person": lazy("Put a person's data together"),
    "anonymise-person": lazy("Anonymise a person"),
    "test-connection": lazy("Test the connection"),
    "run-now": lazy("Run now"),
    "retry-parked": lazy("Try parked items again"),
    "discard-parked": lazy("Discard a parked item"),
    "map-status": lazy("Map a status"),
    "drop-status": lazy("Drop a status rule"),
    "assign-company": lazy("Assign orders to a company"),
    "undo-decision": lazy("Undo a decision"),
    "document-rule": lazy("Change a rule for documents"),
    "customer-type": lazy("Give a company a type"),
    "sign-in-provider": lazy("Change an identity provider"),
    "email-domain": lazy("Change an e-mail domain"),
    "staff": lazy("Change one of staff"),
    "move-customer": lazy("Move a customer"),
    "team": lazy("Change a team"),
    "company-team": lazy("Give a company to a team"),
    "outage-on": lazy("Rehearse an outage"),
    "outage-off": lazy("End the rehearsed outage"),
    "take-over": lazy("Take over feed or hook"),
    "join": lazy("Join orders"),
    "split": lazy("Split an order"),
    "make-company": lazy("Make a company"),
    "change-company": lazy("Change a company"),
    "add-to-company": lazy("Add a tax id or an id"),
    "move-pieces": lazy("Move to another company"),
    "split-company": lazy("Split a company"),
    "merge-companies": lazy("Merge companies"),
    "approve-change": lazy("Approve a change"),
    "reject-change": lazy("Reject a change"),
    "undo-change": lazy("Undo a change of the map"),
    "settle-conflict": lazy("Settle a conflict"),
    "read-import": lazy("Read a list of companies"),
    "apply-import": lazy("Take over a list of companies"),
    "drop-import": lazy("Leave a list of companies"),
}

# By the code of an outcome; figures by name.
OUTCOME: dict[str, Text] = {
    "person-exported": lazy("The file is ready; it can be taken for seven days."),
    "person-anonymised": lazy("Done. The name and the address are gone, and cannot come back."),
    "person-anonymised-before": lazy("This person was anonymised before."),
    "is-staff": lazy(
        "Nothing was done: the person is staff. Take them out of the staff first; companies"
        " must be able to read who acted for them."
    ),
    "last-admin": lazy(
        "Nothing was done: the person is the only administrator of %(company)s. Somebody else"
        " must administer it first."
    ),
    "works": lazy("It works."),
    "rule-changed": lazy("Changed. Documents that are expected anew or no more: %(count)s."),
    "type-changed": lazy(
        "%(company)s has its type. Documents that are expected anew or no more: %(count)s."
    ),
    "staff-changed": lazy("%(name)s was changed. It holds from their next click on."),
    "staff-ended": lazy("%(name)s is no longer of staff. It holds from their next click on."),
    "own-rights": lazy("Nobody changes what they may do themselves: ask a colleague."),
    "customer-moved": lazy("%(company)s was moved. It holds from the next click on."),
    "team-saved": lazy("The team is called %(name)s."),
    "team-dropped": lazy("The team %(name)s is gone."),
    "team-in-use": lazy("The team %(name)s still has people or companies: move them first."),
    "company-team": lazy("%(company)s is served by the team %(name)s."),
    "company-no-team": lazy("%(company)s is served by all of staff."),
    "broken": lazy("It does not work: %(text)s"),
    "provider-saved": lazy("The identity provider is saved."),
    "provider-on": lazy("People sign in by it from now on."),
    "provider-off": lazy("Nobody signs in by it from now on."),
    "provider-works": lazy("It answers as it is set up here."),
    "provider-broken": lazy("It does not work: %(text)s"),
    "identity-forgotten": lazy(
        "Forgotten. Whoever comes with this address next is taken for its person."
    ),
    "identity-unknown": lazy("Nobody with this address came by this provider."),
    "domain-verified": lazy("The domain is verified."),
    "domain-dropped": lazy("The domain is taken away."),
    "in-outage": lazy("It is not asked: its outage is rehearsed until %(until)s."),
    "due": lazy("All its work is due now and begins within seconds."),
    "rests": lazy("It is due, but the source is left alone until %(until)s."),
    "asked-again": lazy("Asked for again: %(count)s. What can be read disappears from the list."),
    "discarded": lazy("Discarded: %(count)s."),
    "assigned": lazy("%(tax_id)s now belongs to %(company)s: %(count)s orders handed over."),
    "outage-begun": lazy("The outage is rehearsed until %(until)s."),
    "outage-ended": lazy("The rehearsal is over: the source is asked again."),
    "taken-over": lazy("It is ours now."),
    "not-taken": lazy("It could not be taken over: %(text)s"),
    "mapped": lazy("Mapped. Orders that changed: %(count)s."),
    "dropped": lazy("The rule is dropped. Orders that changed: %(count)s."),
    "undone": lazy("The decision is undone."),
    "joined": lazy("The orders are one now."),
    "split": lazy("The order is split."),
    "no-such-record": lazy("There is no such order of a company at that connection."),
    "two-companies": lazy("The two belong to different companies, so they stay apart."),
    "company-made": lazy("%(company)s is made."),
    "company-changed": lazy("%(company)s is changed."),
    "company-extended": lazy("%(company)s has it now."),
    "change-waits": lazy(
        "It waits for a second person of operations, who sees what it costs. Orders: %(count)s."
    ),
    "change-shown-again": lazy(
        "Nothing was moved: other orders than were shown would go. Look at the new figures."
    ),
    "change-done": lazy("Done. Orders that moved: %(count)s."),
    "change-rejected": lazy("Rejected. Nothing was moved."),
    "conflict-settled": lazy("Settled."),
    "import-read": lazy("Read: %(count)s lines. Nothing is changed until you take it over."),
    "import-applied": lazy("Taken over: %(count)s lines."),
    "import-dropped": lazy("Left. Nothing was changed."),
    "import-failed": lazy("It cannot be read. %(text)s"),
    "conflict": lazy("It cannot be done: %(text)s"),
    "invalid": lazy("It cannot be done: %(text)s"),
    "gone": lazy("What it was about is no longer there."),
    "not-of-operations": lazy("Whoever asked for it is not of operations any more."),
    "given-up": lazy("No worker could do it for an hour, so it was given up."),
}

# What is wrong with a field of a form; an unknown text is shown as itself.
SLIP: dict[str, Text] = {
    "slug-wrong": lazy("Small letters, digits and hyphens, up to 40 characters."),
    "email-missing": lazy("Write an e-mail address."),
    "slug-taken": lazy("There is a provider of that name: choose another."),
    "provider-kind-missing": lazy("Choose how the provider speaks."),
    "label-missing": lazy("Give the name that people read."),
    "role-wrong": lazy("Choose a role."),
    "secret-missing": lazy("Give the secret that the provider made for us."),
    "field-missing": lazy("This is needed."),
    "text-too-long": lazy("This is too long."),
    "address-wrong": lazy("This is no address that may be used: https:// and a host's name."),
    "certificate-wrong": lazy("This is no certificate: paste it with its first and last line."),
    "groups-wrong": lazy(
        "One line a group, as `purchasing = buyer`: buyer, finance, viewer or admin."
    ),
    "domain-wrong": lazy("Write a domain, as company.com.br."),
    "domain-everybodys": lazy("Anybody can have an address there: it is no company's."),
    "provider-missing": lazy("Choose a provider."),
    "confirm-wrong": lazy("This is not the person's e-mail address."),
    "person-anonymised": lazy("This person was anonymised before."),
    "kind-missing": lazy("Choose a document."),
    "effect-missing": lazy("Choose what the rule says."),
    "condition-wrong": lazy("Choose one of the answers."),
    "state-wrong": lazy("Write states by their two letters: SP RJ."),
    "hide-has-conditions": lazy(
        "What is hidden can depend on the connection and the customer type only."
    ),
    "customer-type-too-long": lazy("A customer type has at most 40 characters."),
    "company-missing": lazy("Give the name or id of a company."),
    "reason-too-short": lazy("Give a reason of at least 5 characters."),
    "name-missing": lazy("Choose a company, or give the name of a new one."),
    "name-too-long": lazy("A name has at most 150 characters."),
    "name-taken": lazy("There is a company of that name already: choose it instead."),
    "one-of-both": lazy("Either choose a company or name a new one, not both."),
    "no-such-company": lazy("There is no company of that name or id."),
    "several-companies": lazy("Several companies have that name: give the id of one."),
    "role-missing": lazy("Choose a role."),
    "seller-code-too-long": lazy("A seller's code has at most 60 characters."),
    "no-such-person": lazy("Nobody signs in with this address."),
    "is-staff-already": lazy("This person is of staff already: change them in the list."),
    "no-such-team": lazy("There is no such team any more."),
    "seller-missing": lazy("Choose a salesperson."),
    "team-name-wrong": lazy("Give a name of at most 80 characters."),
    "team-name-taken": lazy("There is a team of that name already."),
    "own-rights": lazy("Nobody changes what they may do themselves: ask a colleague."),
    "minutes-wrong": lazy("From 1 to 1440 minutes."),
    "status-missing": lazy("Choose what the status means."),
    "raw-missing": lazy("Write the status as the source does, up to 100 characters."),
    "connection-missing": lazy("Choose a connection."),
    "number-missing": lazy("Give the order's number at that connection."),
    "same-record": lazy("These are the same order: give another one."),
    "tax-id-wrong": lazy("This is no CNPJ or CPF: check its digits."),
    "company-name-missing": lazy("Give the company a name."),
    "same-company": lazy("These are the same company: give another one."),
    "pieces-missing": lazy("Choose at least one tax id or id."),
    "team-wrong": lazy("Choose a team that there is."),
    "scope-wrong": lazy("Choose what new people see."),
    "id-missing": lazy("Give the id, up to 60 characters."),
    "vtex-id-wrong": lazy(
        "Write a VTEX id as organization:…, cost_center:…, contract:… or company_id:…."
    ),
    "file-missing": lazy("Choose a file."),
    "file-too-large": lazy("A file has at most 10 MB."),
    "file-not-text": lazy("The file is no text: save it as CSV."),
    "source-wrong": lazy("Choose where the list comes from."),
}

STAFF_ROLE: dict[str, Text] = {
    "support": lazy("Support"),
    "telesales": lazy("Telesales"),
    "operations": lazy("Operations"),
}

STAFF_RIGHT: dict[str, Text] = {
    "can_see_prices": lazy("Prices of the portfolio"),
    "can_see_finance": lazy("Finance of the portfolio"),
    "can_see_as_company": lazy("See as the whole company"),
}
# Which role each right is for.
ROLE_OF_RIGHT: dict[str, str] = {
    "can_see_prices": "telesales",
    "can_see_finance": "telesales",
    "can_see_as_company": "support",
}
