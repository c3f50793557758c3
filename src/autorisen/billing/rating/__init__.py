"""What the usage of a period costs: rated at its close, and again when later usage or a correction becomes known.

Part of billing; owns its tables `rated_usage` and `closings`.
"""
