"""What the tables of the plan have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from portcompare.http.login import KEEP
from portcompare.http.placeholders import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable


TARGET: Final = r"^/[!\x22$-~]*$"
METHOD: Final = r"^[A-Z]+$"
TOKEN: Final = r"^[0-9A-Za-z!#$%&'*+.^_`|~-]+$"  # noqa: S105 - the word of RFC 9110, no secret
HEADER_VALUE: Final = r"^([!-~\u00a0-\u00ff]+([\t ]+[!-~\u00a0-\u00ff]+)*)?$"
COOKIE_VALUE: Final = r"^[!-:<-~]*$"
MEDIA_TYPE: Final = r"^[!-~ ]*$"
KEPT_NAME: Final = rf"^{NAME}$"
KEPT_FROM: Final = rf"^({KEEP})$"
FILE_NAME: Final = r"^[^/\\\x00-\x1f]{1,200}$"
VARIABLE: Final = r"^[^=\x00]+$"
WITHOUT_NUL: Final = r"^[^\x00]*$"
PATH_PATTERN: Final = r"^[/*]"
CURRENCY: Final = r"^[^\x00-\x1f\x7f]{1,20}$"
NOT_BLANK: Final = r"\S"

IN_WORDS: Final = {
    TARGET: "a path that begins with `/`, percent-encoded: no blank, no `#`, nothing beyond ASCII",
    METHOD: "a method in capital letters, such as POST",
    TOKEN: "a name of letters, digits and !#$%&'*+.^_`|~-",
    HEADER_VALUE: "one line of latin-1 without blanks at its ends",
    COOKIE_VALUE: "ASCII without blanks and semicolons; percent-encode what is not",
    MEDIA_TYPE: "a media type, such as text/csv",
    KEPT_NAME: "a name of letters, digits, `_` and `-` that begins with a letter or `_`",
    KEPT_FROM: "where it stands in the answer: `json:/pointer`, `header:Name` or `cookie:name`",
    FILE_NAME: "a name without slashes and control characters, of 200 characters at most",
    VARIABLE: "the name of an environment variable, without `=`",
    WITHOUT_NUL: "a text without NUL",
    PATH_PATTERN: "a pattern of paths, which begins with `/` or `*`",
    CURRENCY: "a name or a sign of 20 characters at most",
    NOT_BLANK: "some text",
}


Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Target = Annotated[str, Field(pattern=TARGET)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A table of the plan: no unknown keys, no number in quotes, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def raw_tables(data: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """The raw tables below a key of the plan."""
    tables = data.get(key)
    if not isinstance(tables, dict):
        return {}
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def remedy_for_unknown(name: str, known: Iterable[str]) -> str:
    """What to do about an unknown name."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    listed = ", ".join(names) or "none"
    return f"did you mean {near[0]!r}? Known: {listed}" if near else f"known: {listed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The files a plan is made of."""

    plan: Path  # The plan file
    # The file that each included entry stands in, by its table and name
    included: Mapping[tuple[str, str], Path]
    # The key that each deployment stands in that has no table of its own, by its name
    inline: Mapping[str, str] = field(default_factory=dict)

    def where(self, *key: str | int) -> str:
        """A key with its file, for a message."""
        parts = [str(part) for part in key]
        if parts[0] == "deployments" and len(parts) > 1 and parts[1] in self.inline:
            return f"{self.plan}: {'.'.join([self.inline[parts[1]], *parts[2:]])}"
        path = self.included.get((parts[0], parts[1]), self.plan) if len(parts) > 1 else self.plan
        return f"{path}: {'.'.join(parts)}"


_RANGE = Field(gt=0, lt=1)


class Margins(Section):
    """A margin for each metric; one that is left out has its default, wider for tails, which vary more."""

    throughput: Annotated[float, _RANGE] = Field(0.05, description="margin of the throughput")
    p50: Annotated[float, _RANGE] = Field(0.05, description="margin of the median response time")
    p95: Annotated[float, _RANGE] = Field(0.1, description="margin of the response time's p95")
    p99: Annotated[float, _RANGE] = Field(0.1, description="margin of the response time's p99")
    cpu_s_per_request: Annotated[float, _RANGE] = Field(
        0.05, description="margin of the CPU time per request"
    )


def _form(margin: object) -> str:
    """Which form a margin has: so that a wrong one is told once, and not once for each form."""
    return "table" if isinstance(margin, dict | Margins) else "number"


# The tags stand first, where the place of a problem is followed by them.
Margin = Annotated[
    Annotated[float, Tag("number"), _RANGE] | Annotated[Margins, Tag("table")], Discriminator(_form)
]
