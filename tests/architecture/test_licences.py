"""What is needed at run time may be passed on with the broker, by whoever does.

Permissive licences only. certifi is the exception: its MPL-2.0 covers one file of root
certificates, which is shipped as it is and linked with nothing.
"""

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement

PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0"),
    *("PSF-2.0", "Unlicense", "Zlib"),
}
EXCEPTIONS = {"certifi": {"MPL-2.0"}}
_AS_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""How packages write it that do not speak SPDX yet; classifiers, too."""


def needed(package: str) -> dict[str, metadata.Distribution]:
    """All that is installed for a package at run time, by normal name."""
    found: dict[str, metadata.Distribution] = {}
    asked = {(package, "")}
    todo = [(package, "")]
    while todo:
        name, extra = todo.pop()
        distribution = metadata.distribution(name)
        found[re.sub(r"[-_.]+", "-", name).lower()] = distribution
        for line in distribution.requires or ():
            wanted = Requirement(line)
            if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
                continue
            below = {(wanted.name, one) for one in ("", *wanted.extras)} - asked
            asked |= below
            todo += below
    return found


def licences_of(distribution: metadata.Distribution) -> set[str]:
    """All that are named; where there is a choice all of them must do."""
    told = distribution.metadata
    written = _first(told, "License-Expression") or _first(told, "License")
    if not written or "\n" in written:
        classifiers = told.get_all("Classifier") or []
        names = [one for one in classifiers if one.startswith("License ::")]
        return {_spdx(one.rpartition(" :: ")[2]) for one in names}
    return {_spdx(one) for one in re.split(r"\s+(?:AND|OR)\s+|[()]", written) if one}


def _first(told: metadata.PackageMetadata, name: str) -> str:
    return str((told.get_all(name) or [""])[0])


def _spdx(written: str) -> str:
    return _AS_SPDX.get(written.strip(), written.strip())


def test_everything_needed_at_run_time_is_permissive() -> None:
    packages = needed("unbind-broker")
    assert len(packages) > 30
    told = {name: licences_of(one) for name, one in packages.items()}
    assert {name for name, licences in told.items() if not licences} == set()
    faults = {
        name: licences
        for name, licences in told.items()
        if licences - PERMISSIVE - EXCEPTIONS.get(name, set())
    }
    assert faults == {}


def test_exceptions_are_still_needed() -> None:
    assert set(EXCEPTIONS) <= set(needed("unbind-broker"))


@pytest.mark.parametrize("name", ["GPL-3.0-only", "AGPL-3.0", "SSPL-1.0", "UNKNOWN"])
def test_others_would_be_found(name: str) -> None:
    assert _spdx(name) not in PERMISSIVE
