"""Tests. A package with this file, because some wheels carry a `tests` of their own, which would be found first."""
