import re
from collections import Counter

import pytest

from unbind_broker.platforms.catalogue import (
    CATEGORIES,
    SENSITIVE_CATEGORIES,
    CatalogueEntry,
    load_catalogue,
)

CATALOGUE = load_catalogue()
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}")


def repeated(values: list[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if times > 1]


def test_catalogue_holds_more_than_two_hundred_services() -> None:
    assert len(CATALOGUE) >= 220


def test_everyday_services_are_there_under_the_slugs_people_expect() -> None:
    slugs = {entry.slug for entry in CATALOGUE}
    assert slugs >= {
        "weibo", "wechat", "qq", "alipay", "taobao", "jd", "pinduoduo", "meituan",
        "douyin", "kuaishou", "bilibili", "xiaohongshu", "zhihu", "baidu", "didi",
        "netease-cloud-music", "ctrip", "eleme", "toutiao", "amap", "boss-zhipin",
    }  # fmt: skip


def test_slugs_and_names_are_unique() -> None:
    assert repeated([entry.slug for entry in CATALOGUE]) == []
    assert repeated([entry.name_zh for entry in CATALOGUE]) == []
    assert repeated([entry.name_en for entry in CATALOGUE]) == []


def test_entries_stand_in_the_order_of_their_slugs() -> None:
    slugs = [entry.slug for entry in CATALOGUE]
    assert slugs == sorted(slugs)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.slug)
def test_entry_is_well_formed(entry: CatalogueEntry) -> None:
    assert SLUG.fullmatch(entry.slug)
    assert len(entry.slug) <= 64
    assert entry.name_zh == entry.name_zh.strip() != ""
    assert entry.name_en == entry.name_en.strip() != ""
    assert entry.name_en.isascii()
    assert entry.category in CATEGORIES
    assert 1 <= len(entry.domains) <= 3
    assert all(DOMAIN.fullmatch(domain) for domain in entry.domains)


def test_no_domain_belongs_to_two_services() -> None:
    domains = [domain for entry in CATALOGUE for domain in entry.domains]
    assert repeated(domains) == []


def test_domains_are_registrable_or_below_and_never_a_bare_suffix() -> None:
    suffixes = {"com.cn", "net.cn", "org.cn", "gov.cn", "ac.cn", "edu.cn"}
    domains = {domain for entry in CATALOGUE for domain in entry.domains}
    assert domains.isdisjoint(suffixes)


def test_exactly_the_sensitive_categories_are_marked() -> None:
    for entry in CATALOGUE:
        assert entry.sensitive == (entry.category in SENSITIVE_CATEGORIES), entry.slug


def test_every_category_is_used_and_every_sensitive_one_is_a_category() -> None:
    assert {entry.category for entry in CATALOGUE} == CATEGORIES
    assert SENSITIVE_CATEGORIES <= CATEGORIES
