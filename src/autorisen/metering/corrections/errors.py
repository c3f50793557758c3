"""The rules of correcting that a request can break."""

from __future__ import annotations

from autorisen.kit.problems import Problem


class CorrectionRefused(Problem):
    """Nothing was corrected: the fields say which correction breaks which rule."""

    status, code, title = 422, "correction_refused", "A correction breaks a rule"
