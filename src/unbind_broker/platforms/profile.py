"""What may be written about a platform (pure)."""

from dataclasses import dataclass, replace

from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.names import domain_fault, is_https_on, name_fault, slug_fault

CAPABILITIES = ("detach", "close_account", "restore")
"""What a platform can be asked to do; every platform detaches unless it says less."""

MOST_DOMAINS = 50


@dataclass(frozen=True)
class Profile:
    """What is known about a platform: everything but its slug and its status.

    ``cancel_url`` is where a person cancels an account by hand.
    """

    name_zh: str
    name_en: str
    category: str = "other"
    sensitive: bool = False
    domains: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ("detach",)
    cancel_url: str | None = None


def check_profile(profile: Profile) -> Profile:
    """Bring a profile into its normal form; raises ``InvalidFields``.

    Domains are written in lower case, capabilities in the order of ``CAPABILITIES``,
    neither of them twice.
    """
    domains = tuple(dict.fromkeys(domain.lower() for domain in profile.domains))
    InvalidFields.check(
        {
            "/name_zh": name_fault(profile.name_zh),
            "/name_en": name_fault(profile.name_en),
            "/category": slug_fault(profile.category),
            "/domains": _most_fault(domains),
            **{
                f"/domains/{place}": domain_fault(domain.lower())
                for place, domain in enumerate(profile.domains)
            },
            "/capabilities": _capabilities_fault(profile.capabilities),
            "/cancel_url": _cancel_url_fault(profile.cancel_url, domains),
        }
    )
    known = tuple(one for one in CAPABILITIES if one in profile.capabilities)
    return replace(profile, domains=domains, capabilities=known)


def _most_fault(domains: tuple[str, ...]) -> str | None:
    if len(domains) <= MOST_DOMAINS:
        return None
    return f"expected at most {MOST_DOMAINS} domains"


def _capabilities_fault(capabilities: tuple[str, ...]) -> str | None:
    if capabilities and set(capabilities) <= set(CAPABILITIES):
        return None
    return f"expected one or more of {', '.join(CAPABILITIES)}"


def _cancel_url_fault(url: str | None, domains: tuple[str, ...]) -> str | None:
    if url is None or is_https_on(url, domains):
        return None
    return "expected an https URL on one of the platform's domains"
