"""Payments: gateways behind one port, checkouts, saved methods, and the inbox of signed webhooks.

Owns the PostgreSQL schemas `payments` (payments, refunds, history, checkouts, payment_methods, deliveries,
gateway_cursors) and `sandbox` (the sandbox provider, foreign by contract). Facts: PaymentSucceeded, PaymentFailed,
PaymentRefunded, PaymentDisputed, PaymentDisputeWon, PaymentMethodSaved, DeliveryParked.

A payment only moves forward, and only by a gateway's present word; whatever is repeated, late or reordered changes
nothing. No card number is stored anywhere.
"""

from autorisen.payments.audited import MoneyMoved
from autorisen.payments.charge_saved_method import charge_saved_method
from autorisen.payments.check_payments import CHECK_PAYMENTS
from autorisen.payments.declines import HARD_DECLINES
from autorisen.payments.errors import (
    AlreadyPaid,
    ForgedDelivery,
    GatewayDown,
    NoSavedMethod,
    NotRefundable,
    NotReplayable,
    PaymentInProgress,
    PaymentUnclear,
    UnknownDelivery,
    UnknownGateway,
    UnknownPayment,
)
from autorisen.payments.facts import (
    DeliveryParked,
    PaymentDisputed,
    PaymentDisputeWon,
    PaymentFailed,
    PaymentMethodSaved,
    PaymentRefunded,
    PaymentSucceeded,
)
from autorisen.payments.find_checkout import checkout_with_payment
from autorisen.payments.gateway import Gateway, GatewayUnavailable
from autorisen.payments.gateways import gateways
from autorisen.payments.inbox.receive_webhook import receive_webhook
from autorisen.payments.inbox.replay_delivery import replay_delivery
from autorisen.payments.inbox.store import delivery, delivery_counts, list_deliveries
from autorisen.payments.jobs import JOBS, SCHEDULE, on_delivery_parked
from autorisen.payments.left_dispute import left_dispute
from autorisen.payments.methods.store import default_method, payment_methods
from autorisen.payments.model import (
    Card,
    Checkout,
    Delivery,
    DeliveryStatus,
    Payment,
    PaymentKind,
    PaymentMethod,
    PaymentStatus,
)
from autorisen.payments.refund_payment import refund_payment
from autorisen.payments.start_checkout import start_checkout
from autorisen.payments.store import Step, history, list_payments, payment, payments_for
from autorisen.payments.store_audit import money_moved

__all__ = [
    "CHECK_PAYMENTS",
    "HARD_DECLINES",
    "JOBS",
    "SCHEDULE",
    "AlreadyPaid",
    "Card",
    "Checkout",
    "Delivery",
    "DeliveryParked",
    "DeliveryStatus",
    "ForgedDelivery",
    "Gateway",
    "GatewayDown",
    "GatewayUnavailable",
    "MoneyMoved",
    "NoSavedMethod",
    "NotRefundable",
    "NotReplayable",
    "Payment",
    "PaymentDisputeWon",
    "PaymentDisputed",
    "PaymentFailed",
    "PaymentInProgress",
    "PaymentKind",
    "PaymentMethod",
    "PaymentMethodSaved",
    "PaymentRefunded",
    "PaymentStatus",
    "PaymentSucceeded",
    "PaymentUnclear",
    "Step",
    "UnknownDelivery",
    "UnknownGateway",
    "UnknownPayment",
    "charge_saved_method",
    "checkout_with_payment",
    "default_method",
    "delivery",
    "delivery_counts",
    "gateways",
    "history",
    "left_dispute",
    "list_deliveries",
    "list_payments",
    "money_moved",
    "on_delivery_parked",
    "payment",
    "payment_methods",
    "payments_for",
    "receive_webhook",
    "refund_payment",
    "replay_delivery",
    "start_checkout",
]
