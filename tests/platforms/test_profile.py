from dataclasses import replace

import pytest

from unbind_broker.base.errors import InvalidFields
from unbind_broker.platforms.profile import Profile, check_profile

WEIBO = Profile(name_zh="微博", name_en="Weibo", domains=("weibo.com",))


def test_normal_form_is_kept() -> None:
    assert check_profile(WEIBO) == WEIBO


def test_domains_are_written_in_lower_case_and_once() -> None:
    checked = check_profile(replace(WEIBO, domains=("Weibo.com", "weibo.com", "a.cn")))
    assert checked.domains == ("weibo.com", "a.cn")


def test_capabilities_are_written_in_one_order_and_once() -> None:
    checked = check_profile(
        replace(WEIBO, capabilities=("restore", "detach", "restore"))
    )
    assert checked.capabilities == ("detach", "restore")


@pytest.mark.parametrize(
    "url", ["https://weibo.com/cancel", "https://m.weibo.com/a?b=c"]
)
def test_cancel_url_on_a_domain_passes(url: str) -> None:
    assert check_profile(replace(WEIBO, cancel_url=url)).cancel_url == url


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        (replace(WEIBO, name_zh=""), "/name_zh"),
        (replace(WEIBO, name_en="a\x07"), "/name_en"),
        (replace(WEIBO, category="Social Media"), "/category"),
        (replace(WEIBO, domains=("weibo.com", "no domain")), "/domains/1"),
        (replace(WEIBO, domains=tuple(f"a{n}.cn" for n in range(51))), "/domains"),
        (replace(WEIBO, capabilities=()), "/capabilities"),
        (replace(WEIBO, capabilities=("fly",)), "/capabilities"),
        (replace(WEIBO, cancel_url="http://weibo.com/"), "/cancel_url"),
        (replace(WEIBO, cancel_url="https://evil.com/"), "/cancel_url"),
        (replace(WEIBO, domains=(), cancel_url="https://weibo.com/"), "/cancel_url"),
    ],
)
def test_wrong_field_is_pointed_at(wrong: Profile, pointer: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        check_profile(wrong)
    assert [error.pointer for error in caught.value.errors] == [pointer]
