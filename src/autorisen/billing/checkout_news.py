"""What a page that waits for a payment is answered."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from autorisen.billing.checkout_state import CheckoutState
from autorisen.ui import flash, render
from autorisen.ui.render import is_partial


@dataclass(frozen=True)
class _Waiting:
    """Context of billing/_checkout.html."""

    checkout: CheckoutState


def checkout_news(request: Request, state: CheckoutState, here: str) -> Response:
    """What a page that waits for a payment gets: the same sign again, or the page anew when there is news."""
    if is_partial(request) and state.state == "waiting":
        return render(request, "billing/_checkout.html", _Waiting(state))
    target = here if state.state == "done" else f"{here}?checkout={state.checkout}"
    if is_partial(request):
        response = Response(status_code=204, headers={"HX-Redirect": target})
    else:
        response = RedirectResponse(target, 303)
    if state.state == "done":
        flash(response, "Thank you. Your payment has arrived.")
    return response
