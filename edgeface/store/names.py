"""How people may be called."""

from __future__ import annotations

import unicodedata

from edgeface.errors import EnrolmentError

NAME_LIMIT = 80
"""Characters in a name: what a list on a terminal shows in one line."""

_MOST_RAW = 4 * NAME_LIMIT
"""What NFC can at the most make a name of: one character of it has up to four code points. Beyond that nothing is
normalised, since time goes with the square of the marks upon one letter: seconds for 64 KiB of them."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def valid_name(text: str) -> str:
    """A person's name as it is stored: NFC, without spaces around it. Raises EnrolmentError that says what is wrong."""
    name = text.strip()
    name = unicodedata.normalize("NFC", name) if len(name) <= _MOST_RAW else name
    if any(unicodedata.category(character) == "Cs" for character in name):
        raise EnrolmentError("the name is not valid text: use UTF-8")
    if not 1 <= len(name) <= NAME_LIMIT:
        raise EnrolmentError(f"the name has {len(name)} characters: use 1 to {NAME_LIMIT}")
    for character in name:
        if problem := _problem(character):
            raise EnrolmentError(f"the name contains {problem}: leave it out")
    if not any(unicodedata.category(character)[0] in "LN" for character in name):
        raise EnrolmentError("the name has no letter and no digit: use one that can be read out")
    return name


def name_key(name: str) -> str:
    """Equal for names that differ in upper and lower case only; what is too long to be a name is like none."""
    name = name if len(name) <= _MOST_RAW else "\0"
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _problem(character: str) -> str | None:
    if character in "/#+":
        return f"'{character}', which has a meaning in MQTT topics"
    if character in _BIDI:
        return f"U+{ord(character):04X}, which reverses the direction of writing"
    if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
        return f"the control character U+{ord(character):04X}"
    return None
