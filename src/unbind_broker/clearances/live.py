# ruff: noqa: S608 - only enum codes are put into statements
"""Signs that somebody holds a number that is said to have been given up."""

from unbind_broker.holdings.states import Ended

HELD = f"""
    h.retracted_at IS NULL AND CASE
    WHEN h.ended IS NULL THEN
        h.carrier_id <> :carrier OR greatest(h.since, h.from_on) >= n.disconnected_on
    ELSE
        (h.ended IN ({Ended.SUPERSEDED.code}, {Ended.TAKEN_OVER.code})
            AND h.carrier_id <> :carrier AND h.confirmed_at > :confirmed)
        OR (h.ended IN ({Ended.PORTED_OUT.code}, {Ended.TAKEN_OVER.code})
            AND NOT EXISTS (
                SELECT FROM holdings l
                WHERE l.number_index = h.number_index AND l.id > h.id
                    AND l.retracted_at IS NULL))
    END
"""
"""A condition for holdings ``h`` of the number ``n``: live, at another carrier or begun
since. Whoever has an open query or order is such a holder: accepting one writes that
down.

So are two whose holding ended in the ledger only: one who was ported away, as long as
nobody tells what followed; and one at another carrier, ``confirmed`` within the freeze,
who is gone by the word of somebody else alone. A carrier could clear numbers of others
otherwise, by saying first that they had come to it.
"""

HELD_AGAIN = f"""
    LEFT JOIN LATERAL (
        SELECT h.id FROM holdings h
        WHERE h.number_index = n.number_index AND {HELD}
            AND (h.ended IS NULL AND h.carrier_id = :carrier
                AND h.since > n.disconnected_on) IS NOT TRUE
        LIMIT 1
    ) held ON true
"""
"""Joins a number ``n`` that was published with such a holding, whenever it became
known; ``held.id`` is null where there is none.

Whoever bought it from its own carrier since is none: what the former holder left is
still to be detached, and the interval spares what is his.
"""
