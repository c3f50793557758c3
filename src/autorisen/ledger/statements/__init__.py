"""Statements: what happened on an account, or between us and a customer, with the balance after each line."""
