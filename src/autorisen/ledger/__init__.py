"""Double entry: every money fact is a transaction whose entries sum to zero in each currency.

Owns the PostgreSQL schema `ledger`: `accounts`, `transactions` and `entries`, all append-only. A debit is positive, a
credit negative. The database itself refuses what does not balance. Records no facts.

What a money fact says in double entry is one function of `postings`; `post_fact` posts it. The accounts are in `chart`.
"""

from autorisen.ledger import chart, postings
from autorisen.ledger.check_books import CHECK_BOOKS
from autorisen.ledger.errors import (
    LinesUnbalanced,
    MalformedAccount,
    ReferenceConflict,
    TooFewLines,
    UnknownAccount,
)
from autorisen.ledger.model import AccountBalance, CurrencyTotal, Line, StatementLine, TrialBalance
from autorisen.ledger.post import post, post_fact, post_facts
from autorisen.ledger.postings import Posting
from autorisen.ledger.statements.model import CurrencyStatement, Days, days_of, statement_table
from autorisen.ledger.statements.read_statement import NoAccount, account_statement, customer_statement
from autorisen.ledger.store import account_balance, statement, trial_balance
from autorisen.ledger.store_audit import balances, posted
from autorisen.ledger.store_receivables import ReceivableSum, receivable_sums

__all__ = [
    "CHECK_BOOKS",
    "AccountBalance",
    "CurrencyStatement",
    "CurrencyTotal",
    "Days",
    "Line",
    "LinesUnbalanced",
    "MalformedAccount",
    "NoAccount",
    "Posting",
    "ReceivableSum",
    "ReferenceConflict",
    "StatementLine",
    "TooFewLines",
    "TrialBalance",
    "UnknownAccount",
    "account_balance",
    "account_statement",
    "balances",
    "chart",
    "customer_statement",
    "days_of",
    "post",
    "post_fact",
    "post_facts",
    "posted",
    "postings",
    "receivable_sums",
    "statement",
    "statement_table",
    "trial_balance",
]
