"""The requests that a plan declares."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from portcompare.errors import Problem, refuse
from portcompare.http.bodies import read_file
from portcompare.http.placeholders import fill_in, names_in, read_rows, refuse_rows
from portcompare.http.requests import FilePart, find_flaw, http_request, type_by_name
from portcompare.plan import types as t
from portcompare.records.requests import LoginStep, RequestSpec


def _report_once(wanted: str) -> WrapValidator:
    """Otherwise pydantic reports a wrong value once for each type of the union."""

    def check(value: object, validate: ValidatorFunctionWrapHandler) -> object:
        try:
            return validate(value)
        except ValidationError:
            raise ValueError(f"should be {wanted}, or a list of these") from None

    return WrapValidator(check)


class PlanFile(t.Section):
    """A file in a multipart body."""

    file: t.AnyPath = Field(description="the file, relative to the plan file")
    type: t.MediaType = Field("", description="its media type; default: by its name")
    filename: str = Field("", description="its name in the request; default: its own name")

    def read(self, folder: Path | None) -> FilePart:
        """The part with the content, empty without a folder; raises InputError if it is not readable."""
        content = b"" if folder is None else _read(folder / self.file)
        return FilePart(filename=self.filename or self.file.name, content=content, type=self.type)


Scalar = str | int | float
QueryValue = Annotated[Scalar | list[Scalar], _report_once("text, a number")]
HeaderValues = Annotated[str | list[str], _report_once("text"), AfterValidator(t.check_header_values)]
PlanPart = str | PlanFile
PartValue = Annotated[
    PlanPart | list[PlanPart], _report_once("text, a table with `file` (and `type`, `filename`)")
]


class ExpectedResponse(t.Section):
    """What the baseline must respond with."""

    status: int = Field(ge=200, le=599, description="the HTTP status code")


class PlanRequest(t.Section):
    """A request that the plan declares."""

    name: str = Field("", description="its name in tables; default: its method, path and query")
    method: t.Method = Field("GET", description="HTTP method")
    path: t.Target = Field(description="path, with or without a query; percent-encoded")
    query: dict[str, QueryValue] = Field({}, description="query parameters; a list repeats one")
    headers: dict[t.HeaderName, HeaderValues] = Field(
        {}, description="request headers; a list sends one several times"
    )
    cookies: dict[t.Token, t.CookieValue] = Field({}, description="cookies, sent as they are")
    json_body: Any = Field(None, alias="json", description="body: any value, sent as JSON")
    form: dict[str, QueryValue] | None = Field(None, description="body: form fields; a list repeats one")
    multipart: dict[str, PartValue] | None = Field(
        None,
        description="body: parts by name, each text or `{ file = ..., type = ..., filename = ... }`; "
        "a list repeats the part",
    )
    body: str = Field("", description="body: text, sent as UTF-8")
    body_file: t.AnyPath | None = Field(None, description="body: a file, relative to the plan file")
    values: t.AnyPath | None = Field(
        None,
        description="CSV (with a line of column names) or JSON Lines file, relative to the plan file: "
        "each row makes a request, its values in place of `{column}`",
    )
    expect: ExpectedResponse | None = Field(
        None, description="`{ status = 404 }`: what the baseline responds with; default: a status below 400"
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        given = {"json": self.json_body, "form": self.form, "multipart": self.multipart}
        given |= {"body": self.body or None, "body_file": self.body_file}
        bodies = [key for key, value in given.items() if value is not None]
        if len(bodies) > 1:
            raise ValueError(f"a request has one body, not {' and '.join(bodies)}")
        if bodies and "method" not in self.model_fields_set:
            raise ValueError(
                f'`{bodies[0]}` without a `method` would be sent with GET: add `method = "POST"`'
            )
        self._encode(None)  # checks the JSON, and the headers against cookies and body
        return self

    def specs(self, folder: Path) -> tuple[RequestSpec, ...]:
        """The request as a record per row of values; raises InputError if a file or a row cannot be used."""
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
        """The names in braces, without those in files: a file may contain braces of its own."""
        return names_in(self._encode(None))

    def _encode(self, folder: Path | None) -> RequestSpec:
        """The request before placeholders are filled; without a folder, files are empty."""
        parts = {
            name: [
                part if isinstance(part, str) else part.read(folder)
                for part in (given if isinstance(given, list) else [given])
            ]
            for name, given in (self.multipart or {}).items()
        }
        body: str | bytes = self.body
        headers = dict(self.headers)
        if self.body_file is not None and folder is not None:
            body = _read(folder / self.body_file)
            if "content-type" not in map(str.lower, headers):
                headers["Content-Type"] = type_by_name(self.body_file.name)
        return http_request(
            self.path,
            method=self.method,
            query=self.query,
            headers=headers,
            cookies=self.cookies,
            json=self.json_body,
            form=self.form,
            multipart=None if self.multipart is None else parts,
            body=body,
            name=self.name,
            expect_status=None if self.expect is None else self.expect.status,
        )


class WeightedRequest(PlanRequest):
    """One of several requests of a scenario."""

    weight: t.PositiveNumber = Field(1.0, description="relative frequency")


class LoginRequest(PlanRequest):
    """A step of a scenario's login."""

    keep: dict[t.KeptName, t.KeptFrom] = Field(
        {},
        description="values of the response that fill `{name}` in later requests, each by its place: "
        "`json:/pointer`, `html:CSS selector`, `regex:pattern (group)`, `header:Name` or `cookie:name`",
    )

    def steps(self, folder: Path) -> tuple[LoginStep, ...]:
        """The step as records; raises InputError as `specs` does."""
        keep = tuple(self.keep.items())
        return tuple(LoginStep(request=request, keep=keep) for request in self.specs(folder))


def _read(path: Path) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        found = f"cannot be read: {error.strerror}"
        raise refuse(str(path), found, "name a readable file") from error
