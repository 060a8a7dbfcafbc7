"""Strict parsers of texts from a query or the environment; ParseError says what a parser accepts."""

import re

# Stricter than float(), which also takes blanks, signs, underscores, nan, inf and Unicode digits.
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# As strict, and short: int() refuses thousands of digits with an error of its own.
_WHOLE = re.compile(r"[0-9]{1,15}")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")


class ParseError(ValueError):
    """The text is not accepted; the message says in words what is, and `limits` says it to programs."""

    def __init__(self, accepted: str, **limits: object) -> None:
        super().__init__(accepted)
        self.limits = limits


def parse_seconds(text: str, maximum: float) -> float:
    """Parse seconds, and fractions of them, from 0 to a maximum."""
    if not _DECIMAL.fullmatch(text) or float(text) > maximum:
        accepted = f"a plain decimal number of seconds from 0 to {maximum}"
        raise ParseError(accepted, minimum=0.0, maximum=maximum)
    return float(text)


def parse_count(text: str, unit: str, maximum: int) -> int:
    """Parse a whole number of units from 0 to a maximum."""
    if not _WHOLE.fullmatch(text) or int(text) > maximum:
        accepted = f"a plain whole number of {unit} from 0 to {maximum}"
        raise ParseError(accepted, minimum=0, maximum=maximum)
    return int(text)


def parse_choice(text: str, choices: tuple[str, ...]) -> str:
    """Return the text if it is one of the choices."""
    if text not in choices:
        raise ParseError(f"one of {', '.join(choices)}", choices=choices)
    return text


def parse_address(text: str) -> str:
    """Return the address of an HTTP service without the slash at its end."""
    if not _ADDRESS.fullmatch(text):
        raise ParseError("an address such as http://127.0.0.1:8000")
    return text.removesuffix("/")
