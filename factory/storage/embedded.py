"""What ships with this software, by name: `embedded://people` is that folder of the package, on every machine.

A name stays a name in configurations, jobs and records, since the package lies elsewhere on another machine.
"""

from __future__ import annotations

from pathlib import Path

from difffas.errors import UserError
from factory.storage.names import checked

SCHEME = "embedded://"
PEOPLE, GENERATOR = f"{SCHEME}people", f"{SCHEME}generator"
ALIGNED = f"{SCHEME}aligned"  # other people, as aligned pairs for a generator
PORTRAIT, RENDERED = f"{SCHEME}portrait-64", f"{SCHEME}people-64"  # generators of drawn and of rendered people
_FACTORY = Path(__file__).parent.parent
FOLDERS = {  # docs/embedded.md describes them
    PEOPLE: _FACTORY / "embedded" / "people",
    ALIGNED: _FACTORY / "embedded" / "aligned",
    GENERATOR: _FACTORY / "drawn" / "pretrained" / "portrait-64",
    PORTRAIT: _FACTORY / "drawn" / "pretrained" / "portrait-64",
    RENDERED: _FACTORY / "embedded" / "people-64",
}


def is_embedded(url: str) -> bool:
    """Return whether a URL names something that ships with this software."""
    return url.startswith(SCHEME)


def path_of(url: str) -> str:
    """Return the path on this machine of an embedded folder, or of something in it.

    Raises:
        UserError: if there is no embedded folder of this name, or the rest leads out of it.
    """
    first, _, rest = url.removeprefix(SCHEME).partition("/")
    name = SCHEME + first
    if name not in FOLDERS:
        raise UserError(f"{url}: nothing of this name ships with this software: give one of {', '.join(FOLDERS)}")
    folder, rest = str(FOLDERS[name]), rest.strip("/")
    if not rest:
        return folder
    try:
        return f"{folder}/{checked(rest, name)}"
    except UserError:
        raise UserError(f"{url} leads out of {name}: give a path inside it") from None
