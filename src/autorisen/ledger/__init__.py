"""Double entry: every money fact is a transaction whose entries sum to zero in each currency.

Owns the PostgreSQL schema `ledger`: `accounts`, `transactions` and `entries`, all append-only. A debit is positive, a
credit negative. The database itself refuses what does not balance. Records no facts.
"""

from autorisen.ledger.errors import LinesUnbalanced, MalformedAccount, ReferenceConflict, TooFewLines
from autorisen.ledger.model import AccountBalance, CurrencyTotal, Line, StatementLine, TrialBalance
from autorisen.ledger.post import post
from autorisen.ledger.store import account_balance, statement, trial_balance

__all__ = [
    "AccountBalance",
    "CurrencyTotal",
    "Line",
    "LinesUnbalanced",
    "MalformedAccount",
    "ReferenceConflict",
    "StatementLine",
    "TooFewLines",
    "TrialBalance",
    "account_balance",
    "post",
    "statement",
    "trial_balance",
]
