"""The log of orders whose items may go out: senders read it, and nothing else."""

LOG_SENDABLE = """
    INSERT INTO order_log (xid, order_id)
    SELECT (pg_current_xact_id()::text)::bigint, id FROM sendable
    RETURNING order_id"""
"""The end of a statement whose ``WITH`` gives such orders' ids as ``sendable``."""
