"""Saved payment methods: tokens of a gateway with just enough of the card to recognise it."""
