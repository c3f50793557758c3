"""The library under every capability: clock, money, ids, database, work, mail, crypto, problems, logs, settings.

Owns the PostgreSQL schema ``kit`` (jobs, facts, schedule, the sandbox clock, outgoing mail). Any capability may import
its submodules; it imports no capability.
"""
