"""What texts of the plan must look like: as patterns, and in words for whoever wrote another one."""

from __future__ import annotations

from typing import Final

from portcompare.login import KEEP
from portcompare.placeholders import NAME

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
