"""List the packages that the installed msmdtools requires, and the command that installs missing ones."""

import importlib.metadata
import re
from collections.abc import Iterable


def requirements(extra: str = "") -> list[str]:
    """List the requirements of msmdtools, such as "mido>=1.3": those without an extra, or those of one.

    An extra that includes another one has the requirements of both.
    """
    try:
        every = importlib.metadata.requires("msmdtools") or []
    except importlib.metadata.PackageNotFoundError:
        return []  # a bare copy of the folder
    result = []
    for line in every:
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        match = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", marker)
        if (match[1] if match else "") != extra:
            continue
        inner = re.match(r"msmdtools\[([\w-]+)\]", requirement)
        result += requirements(inner[1]) if inner else [requirement]
    return result


def name(requirement: str) -> str:
    """The name of the package in a requirement."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def version(package: str) -> str:
    """The version of an installed package; "" if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def missing(extra: str = "") -> list[str]:
    """List the requirements, of an extra or without one, that are not installed."""
    return [r for r in requirements(extra) if not version(name(r))]


def install(wanted: Iterable[str]) -> str:
    """The command that installs some requirements: "pip install 'torch>=2.4' 'safetensors>=0.4.3'"."""
    return " ".join(["pip install", *(f"'{requirement}'" for requirement in wanted)])


def install_packages(packages: Iterable[str], extra: str) -> str:
    """The command that installs packages in the versions that an extra requires."""
    requirement_of = {name(requirement): requirement for requirement in requirements(extra)}
    return install(requirement_of.get(package, package) for package in packages)
