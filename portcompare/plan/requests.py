"""The requests that a plan writes down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from portcompare.errors import InputError, Problem
from portcompare.http.placeholders import fill_in, names_in
from portcompare.http.requests import FilePart, Part, encode_json, find_flaw, http_request, type_by_name
from portcompare.http.rows import read_rows, refuse_rows
from portcompare.plan.types import (
    COOKIE_VALUE,
    HEADER_VALUE,
    KEPT_FROM,
    KEPT_NAME,
    MEDIA_TYPE,
    METHOD,
    TOKEN,
    Rate,
    Section,
    Target,
    remedy_for_unknown,
)
from portcompare.records.results import LoginStep, RequestSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.plan.types import Origins


Token = Annotated[str, Field(pattern=TOKEN)]
HeaderValue = Annotated[str, Field(pattern=HEADER_VALUE)]
CookieValue = Annotated[str, Field(pattern=COOKIE_VALUE)]
KeptName = Annotated[str, Field(pattern=KEPT_NAME)]
KeptFrom = Annotated[str, Field(pattern=KEPT_FROM)]
Scalar = str | int | float


def _say_once(what: str) -> WrapValidator:
    """Otherwise pydantic reports a wrong value once for each type that it might have had."""

    def say(value: object, validate: ValidatorFunctionWrapHandler) -> object:
        try:
            return validate(value)
        except ValidationError:
            raise ValueError(f"should be {what}, or a list of these") from None

    return WrapValidator(say)


class PlanFile(Section):
    """A file in a multipart body."""

    file: Path = Field(strict=False, description="the file, relative to the plan file")
    type: str = Field("", pattern=MEDIA_TYPE, description="its media type; default: by its name")
    filename: str = Field("", description="what it is called in the request; default: its own name")


QueryValue = Annotated[Scalar | list[Scalar], _say_once("text, a number")]
PlanPart = str | PlanFile
PartValue = Annotated[
    PlanPart | list[PlanPart], _say_once("text, a table with `file` (and `type`, `filename`)")
]


class PlanRequest(Section):
    """A request, written down in the plan."""

    name: str = Field("", description="what tables call it; default: its method, path and query")
    method: str = Field("GET", pattern=METHOD, description="HTTP method")
    path: Target = Field(description="path, with or without a query; percent-encoded")
    query: dict[str, QueryValue] = Field(
        default_factory=dict, description="query parameters; a list repeats the parameter"
    )
    headers: dict[Token, HeaderValue] = Field(default_factory=dict, description="request headers")
    cookies: dict[Token, CookieValue] = Field(default_factory=dict, description="cookies, sent as they are")
    json_body: Any = Field(None, alias="json", description="body: any value, sent as JSON")
    form: dict[str, QueryValue] | None = Field(
        None, description="body: form fields; a list repeats the field"
    )
    multipart: dict[str, PartValue] | None = Field(
        None,
        description="body: parts by name, each text or `{ file = ..., type = ..., filename = ... }`; "
        "a list repeats the part",
    )
    body: str = Field("", description="body: text, sent as UTF-8")
    body_file: Path | None = Field(None, strict=False, description="body: a file, relative to the plan file")
    values: Path | None = Field(
        None,
        strict=False,
        description="CSV (with a line of column names) or JSON Lines file, relative to the plan file: "
        "each row makes a request, its values in place of `{column}`",
    )

    @field_validator("json_body")
    @classmethod
    def _can_be_written(cls, value: Any) -> Any:  # noqa: ANN401 - any value of TOML
        encode_json(value)
        return value

    @model_validator(mode="after")
    def _one_body(self) -> PlanRequest:
        bodies = [
            key
            for key, given in {
                "json": self.json_body is not None,
                "form": self.form is not None,
                "multipart": self.multipart is not None,
                "body": bool(self.body),
                "body_file": self.body_file is not None,
            }.items()
            if given
        ]
        if len(bodies) > 1:
            raise ValueError(f"a request has one body, not {' and '.join(bodies)}")
        if bodies and "method" not in self.model_fields_set:
            raise ValueError(f'`{bodies[0]}` without a `method` would go out with GET: say `method = "POST"`')
        return self

    @model_validator(mode="after")
    def _each_header_once(self) -> PlanRequest:
        given = {name.lower() for name in self.headers}
        if self.cookies and "cookie" in given:
            raise ValueError("give cookies either by `cookies` or by a Cookie header")
        if self.multipart is not None and "content-type" in given:
            raise ValueError("`multipart` comes with its own Content-Type: remove the header")
        return self

    def specs(self, folder: Path) -> tuple[RequestSpec, ...]:
        """The request as records.

        Raises InputError if a file cannot be read, or a row makes a request that cannot be sent.
        """
        template = self._encode(folder)
        if self.values is None:
            return (template,)
        path = folder / self.values
        made = [(row.line, fill_in(template, row.values)) for row in read_rows(path)]
        problems = [
            Problem(where=f"{path}: line {line}", found=flaw, remedy="correct the row's values")
            for line, request in made
            if (flaw := find_flaw(request)) is not None
        ]
        if problems:
            raise refuse_rows(path, problems)
        return tuple(request for _, request in made)

    @property
    def placeholders(self) -> frozenset[str]:
        """The names in braces; those in files, which may hold braces of their own, do not matter."""
        texts = {
            name: [part for part in parts if isinstance(part, str)] for name, parts in self._parts().items()
        }
        return names_in(self._request(texts, self.body))

    def _encode(self, folder: Path) -> RequestSpec:
        parts = {name: [_part(part, folder) for part in given] for name, given in self._parts().items()}
        if self.body_file is None:
            return self._request(parts, self.body)
        request = self._request(parts, _read(folder / self.body_file))
        if any(name.lower() == "content-type" for name, _ in request.headers):
            return request
        content_type = type_by_name(self.body_file.name)
        return replace(request, headers=(*request.headers, ("Content-Type", content_type)))

    def _parts(self) -> dict[str, list[PlanPart]]:
        given = (self.multipart or {}).items()
        return {name: parts if isinstance(parts, list) else [parts] for name, parts in given}

    def _request(self, parts: Mapping[str, Sequence[Part]], body: str | bytes) -> RequestSpec:
        return http_request(
            self.path,
            method=self.method,
            query=self.query,
            headers=self.headers,
            cookies=self.cookies,
            json=self.json_body,
            form=self.form,
            multipart=None if self.multipart is None else parts,
            body=body,
            name=self.name,
        )


class WeightedRequest(PlanRequest):
    """One of several requests of a scenario."""

    weight: Rate = Field(1.0, description="how often it is asked, compared with the others")


class LoginRequest(PlanRequest):
    """A step of a scenario's login."""

    keep: dict[KeptName, KeptFrom] = Field(
        default_factory=dict,
        description="values of the answer that fill `{name}` in what follows, each by where it stands: "
        "`json:/pointer`, `header:Name` or `cookie:name`",
    )

    def steps(self, folder: Path) -> tuple[LoginStep, ...]:
        """The step as records.

        Raises InputError: as `specs`.
        """
        keep = tuple(self.keep.items())
        return tuple(LoginStep(request=request, keep=keep) for request in self.specs(folder))


def _part(part: PlanPart, folder: Path) -> Part:
    if isinstance(part, str):
        return part
    filename = part.filename or part.file.name
    return FilePart(filename=filename, content=_read(folder / part.file), type=part.type)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        problem = Problem(
            where=str(path), found=f"cannot be read: {error.strerror}", remedy="name a readable file"
        )
        raise InputError([problem]) from error


Request = TypeVar("Request", bound=PlanRequest)


def find_request_problems(
    origins: Origins, scenarios: Mapping[str, Mapping[str, Any]], parity: object
) -> Iterator[Problem]:
    """Check the files that requests name, every row of values, and what the placeholders are filled from."""
    for name, scenario in scenarios.items():
        kept: dict[str, str] | None = None
        tables = scenario.get("login")
        steps = [*_valid(LoginRequest, tables)]
        if isinstance(tables, list) and len(steps) < len(tables):
            continue  # what a faulty step keeps is not known
        for place, step in steps:
            yield from _problems(origins, ("scenarios", name, "login", place), step, kept or {})
            kept = (kept or {}) | step.keep
        for _, request in _valid(PlanRequest, [scenario.get("request")]):
            yield from _problems(origins, ("scenarios", name, "request"), request, kept)
        for place, weighted in _valid(WeightedRequest, scenario.get("requests")):
            yield from _problems(origins, ("scenarios", name, "requests", place), weighted, kept)
    for place, request in _valid(PlanRequest, parity.get("requests") if isinstance(parity, dict) else None):
        yield from _problems(origins, ("parity", "requests", place), request, None)


def _valid(kind: type[Request], tables: object) -> Iterator[tuple[int, Request]]:
    """Those of the tables that hold no fault of their own, each with its place."""
    for place, table in enumerate(tables) if isinstance(tables, list) else ():
        try:
            yield place, kind.model_validate(table)
        except ValidationError:
            continue  # told already


def _problems(
    origins: Origins, key: tuple[str | int, ...], request: PlanRequest, kept: Mapping[str, str] | None
) -> Iterator[Problem]:
    """What is wrong with a request; `kept` is what logging in keeps, None where nobody logs in."""
    folder = origins.plan.parent
    columns: frozenset[str] = frozenset()
    try:
        request.specs(folder)
        if request.values is not None:
            columns = frozenset(read_rows(folder / request.values)[0].values)
    except InputError as error:
        yield from error.problems
        return
    asked = request.placeholders
    known = columns | (kept or {}).keys()
    if request.values is None and kept is None:
        return  # then braces are just braces
    for name in sorted(asked - known):
        yield Problem(
            where=origins.where(*key),
            found=f"nothing fills {{{name}}}",
            remedy=remedy_for_unknown(name, known),
        )
    if columns and not asked & columns:
        yield Problem(
            where=origins.where(*key, "values"),
            found="no column is used",
            remedy="write {column} where a value goes, or remove `values`: " + ", ".join(sorted(columns)),
        )
