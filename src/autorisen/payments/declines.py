"""Which refusals are the bank's last word about a saved method. Pure."""

# Asked again with the same method, the bank says the same: the card is gone, or its owner has to do something first.
# The words are Stripe's for what it calls hard declines, with the sandbox's own for a card that was taken off.
HARD_DECLINES = frozenset(
    {
        "authentication_denied",
        "authentication_required",
        "card_removed",
        "expired_card",
        "highest_risk_level",
        "incorrect_number",
        "invalid_account",
        "lost_card",
        "new_account_information_available",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "transaction_not_allowed",
    }
)
