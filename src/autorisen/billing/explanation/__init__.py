"""Every line of an invoice opened into its price, its quantity and the events behind it.

In words on the page, as data in the API, and as a file of evidence. Part of billing; it has no table.
"""
