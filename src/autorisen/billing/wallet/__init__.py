"""Prepaid credits: a wallet per customer and currency, drawn before anything is charged.

Owns the tables `wallet_grants`, `wallet_movements`, `top_ups` and `automatic_top_ups` of the schema `billing`. Facts:
CreditsGranted, CreditsFell. A balance is the sum of its movements and never below zero, by constraint; it equals the
ledger's account `wallet:<customer>` at every commit.

This is the door; the rest of billing enters by it.
"""

from autorisen.billing.wallet.automatic_top_up import on_credits_fell, set_automatic_top_up
from autorisen.billing.wallet.await_success import NewsTooEarly, await_success
from autorisen.billing.wallet.check_wallet import CHECK_WALLET
from autorisen.billing.wallet.draw_credits import (
    draw_movements,
    draw_postings,
    plan_for,
    return_draws,
    write_draws,
)
from autorisen.billing.wallet.errors import (
    GrantNotFound,
    GrantRefused,
    NotRefundable,
    NotVoidable,
    SourceTaken,
    TopUpRefused,
)
from autorisen.billing.wallet.expire_credits import EXPIRY_JOBS
from autorisen.billing.wallet.facts import CreditsFell, CreditsGranted
from autorisen.billing.wallet.grant_credits import grant, void_grant
from autorisen.billing.wallet.model import (
    Bill,
    Draw,
    Grant,
    GrantKind,
    InvoiceDraws,
    Movement,
    MovementKind,
    MovementRow,
    balance,
    plan_draws,
    top_up_of,
)
from autorisen.billing.wallet.read_amount import read_amount
from autorisen.billing.wallet.read_wallet import Wallet, read_wallet
from autorisen.billing.wallet.return_top_up import (
    give_back_credits,
    is_paid_grant,
    on_top_up_disputed,
    on_top_up_refunded,
    refund_credits,
)
from autorisen.billing.wallet.store import grants_left, grants_of, movements, movements_of_invoice
from autorisen.billing.wallet.store_audit import draws as drawn
from autorisen.billing.wallet.top_up import bought_credits, fail_top_up, settle_top_up, start_top_up
from autorisen.billing.wallet.words import GRANT_WORDS, MOVEMENT_WORDS

__all__ = [
    "CHECK_WALLET",
    "EXPIRY_JOBS",
    "GRANT_WORDS",
    "MOVEMENT_WORDS",
    "Bill",
    "CreditsFell",
    "CreditsGranted",
    "Draw",
    "Grant",
    "GrantKind",
    "GrantNotFound",
    "GrantRefused",
    "InvoiceDraws",
    "Movement",
    "MovementKind",
    "MovementRow",
    "NewsTooEarly",
    "NotRefundable",
    "NotVoidable",
    "SourceTaken",
    "TopUpRefused",
    "Wallet",
    "await_success",
    "balance",
    "bought_credits",
    "draw_movements",
    "draw_postings",
    "drawn",
    "fail_top_up",
    "give_back_credits",
    "grant",
    "grants_left",
    "grants_of",
    "is_paid_grant",
    "movements",
    "movements_of_invoice",
    "on_credits_fell",
    "on_top_up_disputed",
    "on_top_up_refunded",
    "plan_draws",
    "plan_for",
    "read_amount",
    "read_wallet",
    "refund_credits",
    "return_draws",
    "set_automatic_top_up",
    "settle_top_up",
    "start_top_up",
    "top_up_of",
    "void_grant",
    "write_draws",
]
