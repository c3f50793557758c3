"""The events behind a quantity: what each added by what was known at an instant, and what changed after one."""
