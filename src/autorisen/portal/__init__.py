"""The pages that compose: landing, pricing, the customer's dashboard, usage and the way to another plan.

Owns no data and no tables: everything is read through the doors of the capabilities below, and the only thing done
here, starting an upgrade, is a verb of billing.
"""

__all__: list[str] = []
