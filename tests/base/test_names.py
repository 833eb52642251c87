import pytest

from unbind_broker.base.errors import FieldError, InvalidFields
from unbind_broker.base.names import (
    domain_fault,
    is_https_on,
    name_fault,
    slug_fault,
)


@pytest.mark.parametrize("slug", ["a", "weibo", "china-mobile", "12306", "a" * 64])
def test_slug_passes(slug: str) -> None:
    assert slug_fault(slug) is None


@pytest.mark.parametrize(
    "slug",
    ["", "Weibo", "-a", "a-", "a--b", "a b", "微博", "a\n", "a_b", "a" * 65, "a\x00"],
)
def test_slug_is_refused(slug: str) -> None:
    assert slug_fault(slug) is not None


@pytest.mark.parametrize("name", ["微博", "Weibo (微博)", "é", "x" * 100])
def test_name_passes(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x00", "\x1b[31m", "x" * 101])
def test_name_is_refused(name: str) -> None:
    assert name_fault(name) is not None


@pytest.mark.parametrize(
    "domain", ["weibo.com", "m.weibo.cn", "a-b.co", "xn--a.com.cn"]
)
def test_domain_passes(domain: str) -> None:
    assert domain_fault(domain) is None


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "com",
        "Weibo.com",
        "weibo.com.",
        ".com",
        "a..b",
        "-a.com",
        "10.0.0.1",
        "微博.com",
    ],
)
def test_domain_is_refused(domain: str) -> None:
    assert domain_fault(domain) is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://weibo.com",
        "https://weibo.com/cancel?a=b#c",
        "https://m.weibo.com/",
        "https://WEIBO.com:443/x",
        "https://weibo.com/@evil.com",
    ],
)
def test_url_leads_to_the_domain(url: str) -> None:
    assert is_https_on(url, ["weibo.cn", "weibo.com"])


@pytest.mark.parametrize(
    "url",
    [
        "http://weibo.com/",
        "https://evil.com/weibo.com",
        "https://weibo.com.evil.com/",
        "https://notweibo.com/",
        "https://weibo.com@evil.com/",
        "https://evil.com\\.weibo.com/",
        "https://evil.com\\@weibo.com/",
        "https://weibo.com:8443/",
        "https://weibo.com/a b",
        "https://weibo.com/\\evil",
        "https://weibo.com./",
        "//weibo.com/",
        "javascript:alert(1)//weibo.com",
        "https://weibo.com/" + "a" * 2048,
    ],
)
def test_url_leads_elsewhere(url: str) -> None:
    assert not is_https_on(url, ["weibo.com"])


def test_every_wrong_field_is_pointed_at() -> None:
    with pytest.raises(InvalidFields, match="/a: too long; /c: too short") as caught:
        InvalidFields.check({"/a": "too long", "/b": None, "/c": "too short"})
    assert caught.value.errors == (
        FieldError("/a", "too long"),
        FieldError("/c", "too short"),
    )


def test_fields_without_faults_pass() -> None:
    InvalidFields.check({"/a": None})
    assert InvalidFields.code == "validation-failed"


@pytest.mark.parametrize("written", ["13800001234", "138-0000-1234", "8613800001234"])
def test_nothing_is_called_by_a_phone_number(written: str) -> None:
    for fault in (slug_fault(written), name_fault(f"shop {written}")):
        assert fault is not None
        assert "no phone number" in fault
        assert written not in fault
    assert domain_fault(f"{written}.weibo.com") is not None
    assert not is_https_on(f"https://weibo.com/?of={written}", ["weibo.com"])
