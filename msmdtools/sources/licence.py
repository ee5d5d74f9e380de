"""Translate the licences that editions name, in words or by address, to SPDX identifiers."""

import re

UNKNOWN = "unknown"

_PUBLIC_DOMAIN = re.compile(
    r"public\s*-?\s*domain|domaine?\s+publi[ckq]|publicdomain/mark|gemeinfrei", re.I
)
_CC0 = re.compile(
    r"\bcc\s*-?\s*(?:[0o]|zero)\b|publicdomain/zero|creative\s+commons\s+(?:0|zero)\b", re.I
)
_ADDRESS = re.compile(r"creativecommons\.org/licen[cs]es/([a-z-]+)(?:/(\d\.\d))?", re.I)
_NAMED = re.compile(
    r"creative\s*commons|\bcc\s*[-:]?\s*by\b|\bby\s*-\s*(?:sa|nc|nd)\b|attribution|share\s*-?\s*alike",
    re.I,
)
_VERSION = re.compile(r"(?<![\d.])([1-4]\.\d)(?![\d.]*\d)")
_GPL = re.compile(r"\b(?:gnu\s+)?(?:gpl|general\s+public\s+licen[cs]e)|fsf\.org/licenses/gpl", re.I)
_FDL = re.compile(r"\bgnu\s+free\s+documentation|\bgfdl\b", re.I)
_CC_VERSIONS = {
    "BY": ("1.0", "2.0", "2.5", "3.0", "4.0"),
    "BY-SA": ("1.0", "2.0", "2.1", "2.5", "3.0", "4.0"),
    "BY-NC": ("1.0", "2.0", "2.5", "3.0", "4.0"),
    "BY-ND": ("1.0", "2.0", "2.5", "3.0", "4.0"),
    "BY-NC-SA": ("1.0", "2.0", "2.5", "3.0", "4.0"),
    "BY-NC-ND": ("1.0", "2.0", "2.5", "3.0", "4.0"),
}


def spdx(text: str) -> str:
    """The SPDX identifier for a licence as an edition states it, or "unknown".

    Public domain is CC-PDDC. A Creative Commons licence without a version is unknown, for its terms
    are not certain; so are licences with a version that never was and the GPL without one.
    """
    address = _ADDRESS.search(text)
    if address and address[1].lower() == "publicdomain":
        return "CC-PDDC"
    if address:
        return _creative_commons(address[1].upper(), address[2] or _version(text))
    if _CC0.search(text):
        return "CC0-1.0"
    if _NAMED.search(text):
        parts = ["BY"]
        if re.search(r"non\s*-?\s*commercial|\bnc\b", text, re.I):
            parts.append("NC")
        if re.search(r"no\s*-?\s*deriv|\bnd\b", text, re.I):
            parts.append("ND")
        if re.search(r"share\s*-?\s*alike|\bsa\b", text, re.I):
            parts.append("SA")
        return _creative_commons("-".join(parts), _version(text))
    if _PUBLIC_DOMAIN.search(text):
        return "CC-PDDC"
    if _FDL.search(text):
        return UNKNOWN
    if _GPL.search(text) and (match := re.search(r"(?:version|v)\s*([123])\b", text, re.I)):
        return f"GPL-{match[1]}.0-or-later" if "later" in text.lower() else f"GPL-{match[1]}.0-only"
    return UNKNOWN


def _version(text: str) -> str:
    match = _VERSION.search(text)
    return match[1] if match else ""


def _creative_commons(kind: str, version: str) -> str:
    return f"CC-{kind}-{version}" if version in _CC_VERSIONS.get(kind, ()) else UNKNOWN
