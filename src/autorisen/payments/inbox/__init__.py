"""The inbox of deliveries: received once, applied once, parked when they can't be."""
