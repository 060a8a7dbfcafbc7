"""The types of the plan's values, and what its tables have in common."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from portcompare.http.login import KEEP, find_keep_flaw
from portcompare.http.placeholders import NAME
from portcompare.http.requests import CANNOT_BE_SET, FRAMING_HEADERS

WRONG_VALUE = "wrong_value"  # the type of pydantic's errors that carry `found` and `remedy` for the user


def wrong_value(found: str, remedy: str) -> PydanticCustomError:
    """The error that a validator raises to say what is wrong and what to do about it."""
    return PydanticCustomError(WRONG_VALUE, "{found}: {remedy}", {"found": found, "remedy": remedy})


def _flawless(find_flaw: Callable[[str], str | None], remedy: str) -> AfterValidator:
    def check(value: str) -> str:
        if flaw := find_flaw(value):
            raise wrong_value(flaw, remedy)
        return value

    return AfterValidator(check)


def _text(pattern: str, wanted: str) -> AfterValidator:
    return _flawless(
        lambda value: None if re.fullmatch(pattern, value) else f"is {value!r}", f"write {wanted}"
    )


_LATIN_1_WORD = r"[!-~\u00a0-\u00ff]+"

Target = Annotated[
    str, _text(r"/[!\x22$-~]*", "a path that begins with `/`, percent-encoded, without blanks and `#`")
]
Method = Annotated[str, _text(r"[A-Z]+", "a method in capital letters, such as POST")]
Token = Annotated[  # RFC 9110, section 5.6.2
    str, _text(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+", "a name of letters, digits and !#$%&'*+.^_`|~-")
]


HeaderName = Annotated[
    Token,
    _flawless(
        lambda name: CANNOT_BE_SET if name.lower() in FRAMING_HEADERS else None,
        "remove it; a body is sent with its Content-Length, over a kept connection",
    ),
]
_HEADER_VALUE = re.compile(rf"({_LATIN_1_WORD}([\t ]+{_LATIN_1_WORD})*)?")


def check_header_values(given: str | list[str]) -> str | list[str]:
    """Refuse what is no value of a header, or no list of them."""
    for value in [given] if isinstance(given, str) else given:
        if not _HEADER_VALUE.fullmatch(value):
            raise wrong_value(f"is {value!r}", "write one line of latin-1 without blanks at its ends")
    if not given and isinstance(given, list):
        raise wrong_value("is an empty list", "give it a value, or remove the header")
    return given


CookieValue = Annotated[
    str, _text(r"[!-:<-~]*", "ASCII without blanks and semicolons; percent-encode other characters")
]
MediaType = Annotated[str, _text(r"[!-~ ]*", "a media type, such as text/csv")]
KeptName = Annotated[str, _text(NAME, "letters, digits, `_` and `-`, with a letter or `_` first")]


KeptFrom = Annotated[str, _flawless(find_keep_flaw, f"write its place in the response: {KEEP}")]
Name = Annotated[str, _text(r"[^/\\\x00-\x1f]{1,200}", "1 to 200 characters, no slash or control character")]
Variable = Annotated[str, _text(r"[^=\x00]+", "the name of an environment variable, without `=`")]
TextWithoutNul = Annotated[str, _text(r"[^\x00]*", "a text without NUL")]
PathPattern = Annotated[str, _text(r"(?s)[/*].*", "a pattern of paths, which begins with `/` or `*`")]
Currency = Annotated[str, _text(r"[^\x00-\x1f\x7f]{1,20}", "a name or a sign of 20 characters at most")]
NotBlank = Annotated[str, _text(r"(?s).*\S.*", "some text")]

AnyPath = Annotated[Path, Field(strict=False)]
MOST_USERS = 100_000
MOST_S = 86_400
MOST_RPS = 1_000_000
Count = Annotated[int, Field(ge=1, le=MOST_USERS)]
Seconds = Annotated[float, Field(ge=0, le=MOST_S)]
PositiveNumber = Annotated[float, Field(gt=0, le=1e9)]
PositiveSeconds = Annotated[float, Field(gt=0, le=MOST_S)]
Rate = Annotated[float, Field(gt=0, le=MOST_RPS)]


class Section(BaseModel):
    """A table of the plan: it refuses unknown keys and numbers in quotes, and is frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    exactly_one: ClassVar[tuple[str, ...]] = ()  # of these keys one is given
    together: ClassVar[tuple[str, ...]] = ()  # these keys are all given, or none

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        for keys, allowed, rule in (
            (self.exactly_one, {1}, "give exactly one of {}"),
            (self.together, {0, len(self.together)}, "give all of {}, or none of them"),
        ):
            given = [f"`{key}`" for key in keys if getattr(self, key) not in (None, [])]
            if keys and len(given) not in allowed:
                named = ", ".join(f"`{key}`" for key in keys)
                raise wrong_value(f"has {' and '.join(given) or 'none of these keys'}", rule.format(named))
        return self


def remedy_for_unknown(name: str, known: Iterable[str]) -> str:
    """What to do about an unknown name."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    listed = ", ".join(names) or "none"
    return f"did you mean {near[0]!r}? Known: {listed}" if near else f"known: {listed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The files that a plan is made of."""

    plan: Path
    included: dict[tuple[str, str], Path] = field(default_factory=dict)  # of each entry, by table and name
    # The key of each deployment that has no table of its own, by its name
    inline: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def where(self, *key: str | int) -> str:
        """A key with its file, for a message."""
        place = [str(part) for part in key]
        if place[0] == "deployments" and len(place) > 1 and place[1] in self.inline:
            place = [*self.inline[place[1]], *place[2:]]
        path = self.included.get((place[0], place[1]), self.plan) if len(place) > 1 else self.plan
        return f"{path}: {'.'.join(place)}"
