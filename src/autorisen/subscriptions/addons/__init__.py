"""Add-ons: how many of each extra item of its plan a subscription has, since when.

Owns `addon_changes` of the schema `subscriptions` (append-only: one row for each change). What they cost is billing's.
"""

from autorisen.subscriptions.addons.end_addons import end_addons
from autorisen.subscriptions.addons.errors import AddonNotSold, AddonQuantityRefused
from autorisen.subscriptions.addons.model import AddonChange, HeldAddon, held_between, quantities_at
from autorisen.subscriptions.addons.set_addon import set_addon
from autorisen.subscriptions.addons.store import addon_changes, addon_changes_of

__all__ = [
    "AddonChange",
    "AddonNotSold",
    "AddonQuantityRefused",
    "HeldAddon",
    "addon_changes",
    "addon_changes_of",
    "end_addons",
    "held_between",
    "quantities_at",
    "set_addon",
]
