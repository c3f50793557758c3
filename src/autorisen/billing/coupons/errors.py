"""Why a code can't be redeemed. Each names the field, so that a form can say it beside the code."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, FieldError, InvalidInput, Problem


class _Refused(Problem):
    """A code that exists and can't be redeemed by this customer, or now."""

    status = 409

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[FieldError("/code", detail)])


class CouponUnknown(InvalidInput):
    """Nobody offers this code, or not any more."""

    code, title = "coupon_unknown", "There is no such code"

    def __init__(self) -> None:
        rule = "must be a code that is offered; look at its letters again"
        super().__init__(rule, errors=[FieldError("/code", rule)])


class CouponNotValid(_Refused):
    """The code is not valid yet, or no more."""

    code, title = "coupon_not_valid", "The code is not valid now"


class CouponUsedUp(_Refused):
    """As many customers as may have redeemed the code."""

    code, title = "coupon_used_up", "The code is used up"


class CouponRedeemed(_Refused):
    """This customer has redeemed the coupon already."""

    code, title = "coupon_redeemed", "You have this coupon already"


class CouponKeyTaken(Conflict):
    """The same key has redeemed another code of this customer before."""

    code, title = "coupon_key_taken", "This key has redeemed another code already"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[FieldError("/key", detail)])


class CouponNotForCurrency(_Refused):
    """The coupon takes nothing off invoices in the customer's currency."""

    code, title = "coupon_not_for_currency", "The coupon is for another currency"


class CouponCoversAll(Problem):
    """An upgrade that a coupon pays in full has no checkout."""

    status, code, title = 409, "coupon_covers_all", "Your coupon pays all of it"


class CouponForNewCustomers(_Refused):
    """The coupon is for those who have no invoice yet."""

    code, title = "coupon_for_new_customers", "The coupon is for new customers"
