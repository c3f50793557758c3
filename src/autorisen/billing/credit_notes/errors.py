"""The broken rules of credit notes, each with the answer a caller gets."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, InvalidInput, NotFound


class CreditNoteNotFound(NotFound):
    """Also the answer for another customer's."""

    title = "There is no such credit note"


class NotCreditable(Conflict):
    """The invoice is void or written off: its claim is gone already."""

    code, title = "not_creditable", "This invoice can't be credited"


class NothingToCredit(Conflict):
    """Credit notes have taken back all of the invoice."""

    code, title = "nothing_to_credit", "Nothing is left to take back"


class CreditKeyTaken(Conflict):
    """The same key has asked for another credit note of this invoice before."""

    code, title = "credit_key_taken", "This key has asked for another credit note already"


class WrongCredit(InvalidInput):
    """A line or an amount is not one that can be taken back; `errors` names it."""

    code, title = "wrong_credit", "This can't be taken back"


class RefundImpossible(Conflict):
    """The paid part can't go back the way it came."""

    code, title = "refund_impossible", "This can't be sent back"
