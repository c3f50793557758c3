"""The broken rules of prepaid credits, each with the answer a caller gets."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, InvalidInput, NotFound


class GrantNotFound(NotFound):
    """Also the answer for another customer's grant."""

    title = "There are no such credits"


class GrantRefused(InvalidInput):
    """The terms of a grant break a rule that `errors` names."""

    code, title = "grant_refused", "These credits can't be granted"


class SourceTaken(Conflict):
    """The same source has granted other credits before."""

    code, title = "source_taken", "This has granted other credits already"


class NotVoidable(Conflict):
    """Credits that the customer paid for are theirs: refund the payment instead. Or nothing is left."""

    code, title = "not_voidable", "These credits can't be taken back"


class NotRefundable(Conflict):
    """Nobody paid for these credits, or nothing is left of them."""

    code, title = "credits_not_refundable", "These credits can't be refunded"


class TopUpRefused(InvalidInput):
    """The amount or the terms of a top-up break a rule that `errors` names."""

    code, title = "top_up_refused", "This top-up is not possible"
