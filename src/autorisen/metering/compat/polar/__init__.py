"""The wire format of Polar's API under `/compat/polar`: events."""
