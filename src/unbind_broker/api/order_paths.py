"""Ids of queries and orders in paths. One that names nothing is answered 404."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path

from unbind_broker.api.problems import NotFound
from unbind_broker.base.ids import Prefix, parse_id


def _query_id(
    query_id: Annotated[str, Path(examples=["qry_01kb2x5c7zf3v8h1m4n6p9q2rs"])],
) -> UUID:
    return _parsed(query_id, Prefix.QUERY)


def _order_id(
    order_id: Annotated[str, Path(examples=["ord_01kb2x5c7zf3v8h1m4n6p9q2rs"])],
) -> UUID:
    return _parsed(order_id, Prefix.ORDER)


def _parsed(written: str, prefix: Prefix) -> UUID:
    found = parse_id(written, prefix)
    if found is None:
        raise NotFound("nothing of yours has this id")
    return found


QueryIdInPath = Annotated[UUID, Depends(_query_id)]
OrderIdInPath = Annotated[UUID, Depends(_order_id)]
