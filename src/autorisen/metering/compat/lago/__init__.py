"""The wire format of Lago's API v1 under `/compat/lago`: events, one and in batches, and reading one back."""
