"""Signs that somebody holds a number that is said to have been given up."""

HELD = """
    h.retracted_at IS NULL AND h.ended IS NULL
    AND (h.carrier_id <> :carrier OR greatest(h.since, h.from_on) >= n.disconnected_on)
"""
"""A condition for holdings ``h`` of the number ``n``: live, at another carrier or begun
since. Whoever has an open query or order is such a holder: accepting one writes that
down."""
