"""The wire format of OpenMeter's API v1 under `/compat/openmeter`: events, meters and queries."""
