"""The pages about events, at the customer's and at the operator's address."""
