"""autorisen: sell AI agents and AI workloads, from sign-up to paid invoice, metered to the cent."""
