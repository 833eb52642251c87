"""Parts of paths. One that cannot name anything names nothing: 404."""

from typing import Annotated

from fastapi import Depends, Path

from unbind_broker.api.pages import number_key
from unbind_broker.api.problems import NotFound
from unbind_broker.base.ids import KeyId
from unbind_broker.base.names import slug_fault


def _slug(
    slug: Annotated[str, Path(examples=["weibo"], description="The slug.")],
) -> str:
    if slug_fault(slug):
        raise NotFound("nobody is registered under this slug")
    return slug


def _key_id(
    key_id: Annotated[str, Path(examples=["12"], description="The key's `id`.")],
) -> KeyId:
    try:
        return KeyId(number_key(key_id))
    except ValueError:
        raise NotFound("there is no key with this id") from None


SlugInPath = Annotated[str, Depends(_slug)]
KeyIdInPath = Annotated[KeyId, Depends(_key_id)]
