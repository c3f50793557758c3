"""Broken rules of the ledger. They are programming or data errors of ours, never a visitor's."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, InvalidInput


class LinesUnbalanced(InvalidInput):
    """Debits and credits of one currency differ."""

    code, title = "ledger_lines_unbalanced", "The lines do not sum to zero"


class TooFewLines(InvalidInput):
    """One line, or none, says nothing about where money came from or went."""

    code, title = "ledger_too_few_lines", "A transaction needs two or more lines"


class MalformedAccount(InvalidInput):
    """An account is named by lower-case words joined by colons, such as revenue:usage."""

    code, title = "ledger_malformed_account", "That is no account name"


class UnknownAccount(InvalidInput):
    """The chart of accounts has no such account."""

    code, title = "ledger_unknown_account", "The chart has no such account"


class ReferenceConflict(Conflict):
    """The reference was posted before, with other lines."""

    code, title = "ledger_reference_conflict", "The reference was posted with other lines"
