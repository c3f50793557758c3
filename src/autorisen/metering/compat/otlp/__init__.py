"""OpenTelemetry's GenAI spans over OTLP/HTTP at `/v1/traces`: the model calls of a trace, each counted once.

Owns the tables `metering.traces` and `metering.spans`: what is needed to tell a span that repeats the tokens of spans
below it from one that is the only one to report them, in whatever order and requests they arrive.
"""
