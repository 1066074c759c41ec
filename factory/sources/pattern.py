"""The layout pattern: reads the facts of a file from its path.

    {domain}/{attack}/{subject}/{capture}.png
    {split}_release/**/{subject}_{glasses}_*.jpg

A pattern is matched against the whole path below the source folder. `{name}` takes one or more characters of one
path component, as few as possible; a name used twice must find the same text. `*` matches any text within a component,
`**` as a component matches any number of components. All else is literal and case-sensitive, except the extension.
A field at the end of the last component excludes the extension: `{attack}/{image}` takes `print/7.jpg`.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata

from difffas.errors import UserError

_TOKEN = re.compile(r"\{(?P<field>[a-z][a-z0-9_]*)\}|(?P<star>\*)|(?P<literal>[^{}*?\[\]\\]+)")
_WORD = re.compile(r"[a-z0-9]+")
_NAME = r"[a-z0-9]+(?:_[a-z0-9]+)*"
_PART = re.compile(rf"{_NAME}(?:__{_NAME})+")  # of a domain, as corpora name it: `nuaa__session_03`


class Pattern:
    """A compiled layout pattern.

    Attributes:
        fields: names in the pattern, in order of their first appearance.

    Raises:
        UserError: naming the part that the syntax does not know.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.fields: tuple[str, ...] = ()
        components = text.split("/")
        regex = ""
        for component in components[:-1]:
            regex += r"(?:[^/]+/)*" if component == "**" else self._component(component) + "/"
        last = components[-1]
        if last == "**":
            regex += r"[^/]+(?:/[^/]+)*"
        else:
            stem, dot, extension = last.rpartition(".")
            if dot and stem and re.fullmatch(r"[^{}*]+", extension):
                regex += self._component(stem) + rf"(?i:\.{self._component(extension)})"
            else:
                regex += self._component(last) + (r"(?:\.[^./]*)?" if re.search(r"(?<!\.)\{\w+\}$", last) else "")
        self._regex = re.compile(regex)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def match(self, path: str) -> dict[str, str] | None:
        """Return a path's field values (`/` between components) as vocabulary names; None if the path does not fit."""
        found = self._regex.fullmatch(path)
        return found and {name: field_value(name, value) for name, value in found.groupdict().items()}

    def _component(self, text: str) -> str:
        """Return the regular expression of one path component, and note its fields."""
        if text in ("", ".", ".."):
            raise UserError(f"pattern {self.text!r}: {text!r} is not a path component; write names between single '/'")
        if "**" in text:
            raise UserError(f"pattern {self.text!r}: '**' must stand alone between slashes, not in {text!r}")
        regex, position, open_ended = "", 0, False
        while position < len(text):
            token = _TOKEN.match(text, position)
            if token is None:
                raise UserError(
                    f"pattern {self.text!r}: unknown syntax at {text[position:]!r}; there are {{name}}, * and **"
                )
            if open_ended and token["literal"] is None:
                raise UserError(f"pattern {self.text!r}: put a character before {token[0]!r} in {text!r}")
            open_ended = token["literal"] is None
            regex += self._token(token)
            position = token.end()
        return regex

    def _token(self, token: re.Match[str]) -> str:
        name = token["field"]
        if name is None:
            return r"[^/]*" if token["star"] else re.escape(token[0])
        if name in self.fields:
            return f"(?P={name})"
        self.fields += (name,)
        return rf"(?P<{name}>[^/]+?)"


def field_value(field: str, text: str) -> str:
    """Return the value of a field as a vocabulary name; a part of a domain stays one, with its people."""
    return text if field == "domain" and _PART.fullmatch(text) else vocabulary_name(text)


@functools.lru_cache(1 << 16)  # a million images share few names
def vocabulary_name(text: str) -> str:
    """Return `text` in the vocabulary of names, `[a-z0-9_]+`: lower case, no accents, all else one underscore.

    The vocabulary has no dash, so that a style `<domain>-<attack>` splits in only one way. If letters without an ASCII
    form are lost, or no text is left, 6 hex digits of a hash of the text are added, so that different names stay
    different.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    words = _WORD.findall("".join(letter for letter in folded if not unicodedata.combining(letter)))
    lost = any(letter.isalnum() and not letter.isascii() for letter in folded)
    if lost or not words:
        words.append(hashlib.blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest())
    return "_".join(words)
