"""How events arrive: how many, how late, from which sources."""
