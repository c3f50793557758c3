"""Prepaid credits: a wallet per customer and currency, drawn before anything is charged.

Owns the tables `wallet_grants`, `wallet_movements`, `top_ups` and `automatic_top_ups` of the schema `billing`. Facts:
CreditsGranted, CreditsFell. A balance is the sum of its movements and never below zero, by constraint; it equals the
ledger's account `wallet:<customer>` at every commit.

This is the door; the rest of billing enters by it.
"""

from autorisen.billing.wallet.draw_credits import (
    draw,
    draw_movements,
    draw_postings,
    post_draws,
    return_draws,
)
from autorisen.billing.wallet.errors import GrantNotFound, GrantRefused, NotVoidable, SourceTaken
from autorisen.billing.wallet.expire_credits import EXPIRY_JOBS
from autorisen.billing.wallet.facts import CreditsFell, CreditsGranted
from autorisen.billing.wallet.grant_credits import grant, void_grant
from autorisen.billing.wallet.model import (
    Draw,
    Grant,
    GrantKind,
    Movement,
    MovementKind,
    MovementRow,
    balance,
    plan_draws,
)
from autorisen.billing.wallet.store import grants_left, grants_of, movements, movements_of_invoice

__all__ = [
    "EXPIRY_JOBS",
    "CreditsFell",
    "CreditsGranted",
    "Draw",
    "Grant",
    "GrantKind",
    "GrantNotFound",
    "GrantRefused",
    "Movement",
    "MovementKind",
    "MovementRow",
    "NotVoidable",
    "SourceTaken",
    "balance",
    "draw",
    "draw_movements",
    "draw_postings",
    "grant",
    "grants_left",
    "grants_of",
    "movements",
    "movements_of_invoice",
    "plan_draws",
    "post_draws",
    "return_draws",
    "void_grant",
]
