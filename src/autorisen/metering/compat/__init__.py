"""Others' wire formats: their clients work with nothing changed but address and key.

One package per peer, under an address of its own. Each has a pure `translate.py` (their body to our events, our receipt
to their answer, our problems in their words) and a thin `api.py`. Keys, queue, durability, identity and limits are
those of our own endpoint (`metering.intake`). Composition roots import from the peers' packages; nobody else does.
"""
