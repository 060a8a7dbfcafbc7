"""What a value may be, in a query as in the environment: one notation for each kind, and a range."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)
N = TypeVar("N", int, float)

# Stricter than float(), which also takes blanks, signs, underscores, nan, inf and Unicode digits.
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# As strict, and short: int() refuses thousands of digits with an error of its own.
_WHOLE = re.compile(r"[0-9]{1,15}")

_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")


class Allowed(Protocol[T_co]):
    """What a value may be; `str()` says it in words."""

    def parse(self, text: str) -> T_co | None:
        """Read a value.

        Args:
            text: What was given.

        Returns:
            The value, or None if the text is none that is allowed.
        """
        ...

    @property
    def members(self) -> Mapping[str, object]:
        """What is allowed, for programs."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers(Generic[N]):
    """Numbers from 0 to a maximum.

    Attributes:
        words: What they are.
        notation: What the whole text must match.
        convert: From such a text to its number.
        maximum: The largest one.
    """

    words: str
    notation: re.Pattern[str]
    convert: Callable[[str], N]
    maximum: N

    def parse(self, text: str) -> N | None:
        """Read a number, as `Allowed` says."""
        if self.notation.fullmatch(text) is None:
            return None
        number = self.convert(text)
        return number if number <= self.maximum else None

    @property
    def members(self) -> Mapping[str, object]:
        """The range."""
        return {"minimum": self.convert("0"), "maximum": self.maximum}

    def __str__(self) -> str:
        return f"{self.words} from 0 to {self.maximum}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of some texts."""

    choices: tuple[str, ...]

    def parse(self, text: str) -> str | None:
        """Read a choice, as `Allowed` says."""
        return text if text in self.choices else None

    @property
    def members(self) -> Mapping[str, object]:
        """The choices."""
        return {"choices": self.choices}

    def __str__(self) -> str:
        return f"one of {', '.join(self.choices)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address of an HTTP service, which paths can follow."""

    def parse(self, text: str) -> str | None:
        """Read an address, as `Allowed` says; a slash at its end is left out."""
        return text.removesuffix("/") if _ADDRESS.fullmatch(text) else None

    @property
    def members(self) -> Mapping[str, object]:
        """Nothing that programs could use."""
        return {}

    def __str__(self) -> str:
        return "an address such as http://127.0.0.1:8000"


def seconds(maximum: float) -> Numbers[float]:
    """Allow seconds, and fractions of them, up to a maximum."""
    words = "a plain decimal number of seconds"
    return Numbers(words=words, notation=_DECIMAL, convert=float, maximum=maximum)


def whole(noun: str, maximum: int) -> Numbers[int]:
    """Allow so many things; the noun is in the plural."""
    words = f"a plain whole number of {noun}"
    return Numbers(words=words, notation=_WHOLE, convert=int, maximum=maximum)
