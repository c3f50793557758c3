"""The event log: search what is stored, look at one event with its receipt, send one by hand."""
