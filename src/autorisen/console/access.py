"""Who may be here."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from autorisen.accounts import Principal, operator

Operator = Annotated[Principal, Depends(operator)]
