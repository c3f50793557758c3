"""The wire format of Stripe's billing meters under `/compat/stripe`: events, their stream, and adjustments."""
