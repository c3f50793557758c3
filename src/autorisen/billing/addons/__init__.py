"""Add-ons on the bill: what they cost, by the second; the interface and the page on which customers choose them.

Owns no tables: how many a subscription has since when is kept by `subscriptions`.
"""
