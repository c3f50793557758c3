"""The operator's console: money and health at a glance, and a way to act on what needs a person.

Owns no tables and records no facts: it reads through the doors of the rooms below. Every page needs an operator.
"""

__all__: list[str] = []
