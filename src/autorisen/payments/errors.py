"""The broken rules of payments, each with the answer a caller gets."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, NotFound, Problem


class UnknownGateway(NotFound):
    """No gateway of that name is switched on here."""

    title = "There is no such gateway"


class UnknownDelivery(NotFound):
    title = "There is no such delivery"


class UnknownPayment(NotFound):
    title = "There is no such payment"


class GatewayDown(Problem):
    """The gateway gave no usable answer; the same request may be sent again."""

    status, code, title = 503, "gateway_unavailable", "The payment service can't be reached at the moment"


class ForgedDelivery(Problem):
    """A delivery that its gateway did not sign. Says nothing about which part was wrong."""

    status, code, title = 400, "forged_delivery", "The signature does not hold"


class PaymentInProgress(Conflict):
    """The reference already has a payment that may still move money; a second one could charge twice."""

    code, title = "payment_in_progress", "A payment for this is already on its way"


class PaymentUnclear(Conflict):
    """The gateway's word about an earlier payment does not fit what we asked for; an operator has been alerted."""

    code, title = "payment_unclear", "An earlier payment for this has to be cleared up first"


class AlreadyPaid(Conflict):
    code, title = "already_paid", "This is already paid"


class NoSavedMethod(Conflict):
    """The customer has no saved card at a gateway that is switched on."""

    code, title = "no_saved_method", "There is no saved card to charge"


class NotReplayable(Conflict):
    """Only a parked delivery can be replayed; an applied one has had its effect."""

    code, title = "not_replayable", "This delivery is not parked"


class NotRefundable(Conflict):
    """Only a payment that has succeeded can go back."""

    code, title = "not_refundable", "This payment can't be refunded"
