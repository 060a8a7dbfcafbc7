"""The plan's keys: their types, units and defaults, and the checks that one key can fail by itself."""

from __future__ import annotations

import math
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from portcompare import units
from portcompare.model import BASELINE, CONTROL, METRICS, Arm, Metric, RequestSpec, http_request
from portcompare.plan.break_even import BreakEvenGrid
from portcompare.plan.loads import Load, OpenLoad
from portcompare.plan.margins import Margin, Margins
from portcompare.plan.origins import Origins
from portcompare.plan.section import Count, PositiveSeconds, Seconds, Section, Target

if TYPE_CHECKING:
    from portcompare.plan.capacity import Objective

Name = Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f]{1,200}$")]
HeaderName = Annotated[str, Field(pattern=r"^[0-9A-Za-z!#$%&'*+.^_`|~-]+$")]
HeaderValue = Annotated[str, Field(pattern=r"^([!-~\u00a0-\u00ff]+([\t ]+[!-~\u00a0-\u00ff]+)*)?$")]
Scalar = str | int | float


def _say_once(value: object, validate: ValidatorFunctionWrapHandler) -> Scalar | list[Scalar]:
    """Otherwise pydantic reports a wrong value once for each type that it might have had."""
    try:
        return cast("Scalar | list[Scalar]", validate(value))
    except ValidationError:
        raise ValueError("should be text, a number, or a list of these") from None


QueryValue = Annotated[Scalar | list[Scalar], WrapValidator(_say_once)]

ROUND_DELAYS = 5
"""A round lasts at least this many times the scenario's delay, so that an answer more or less at the edges
of the window changes the rate by less than a fifth for one user and far less for many."""


class PlanRequest(Section):
    """A request, written down in the plan."""

    method: str = Field("GET", pattern=r"^[A-Z]+$", description="HTTP method")
    path: Target = Field(description="path, with or without a query; percent-encoded")
    query: dict[str, QueryValue] = Field(
        default_factory=dict, description="query parameters; a list repeats the parameter"
    )
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, description="request headers")
    body: str = Field("", description="request body, sent as UTF-8")

    def spec(self, name: str = "") -> RequestSpec:
        """The request as a record.

        Args:
            name: What tables call it; method and target by default.

        Returns:
            The record, its query encoded into the target.
        """
        return http_request(
            self.path,
            method=self.method,
            query=self.query,
            headers=self.headers,
            body=self.body,
            name=name,
        )


class App(Section):
    """A WSGI or ASGI application object."""

    target: str = Field(pattern=r"^[\w.]+:[\w.]+$", description="the application object, `module:object`")
    interface: Literal["wsgi", "asgi"] = Field(description="how servers call it")
    directory: Path = Field(
        Path(".."), strict=False, description="working directory, relative to the plan file"
    )
    ready_path: Target = Field("/healthz", description="path that answers 2xx or 3xx when the app is ready")


class Deployment(Section):
    """An app on a server: what is started and measured. A knob left out has the harness's default."""

    app: str = Field(description="name of a table in [apps]")
    server: str = Field(description="name of a server; `portcompare run --help` lists them")
    workers: Count | None = Field(None, description="worker processes; default 1")
    threads: Count | None = Field(None, description="threads that run handlers, each worker; default 8")
    loop: Literal["asyncio", "uvloop"] | None = Field(None, description="event loop of an ASGI server")
    keep_alive_s: Count | None = Field(None, description="how long an idle connection is kept; default 75")
    backlog: Count | None = Field(None, description="connections waiting to be accepted; default 2048")
    environment: dict[str, str] = Field(default_factory=dict, description="added to the server's environment")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="fixed port; default: a free one"
    )


class Scenario(Section):
    """A request and a load."""

    user: str | None = Field(None, description="name of a user class in the locustfile")
    request: PlanRequest | None = Field(None, description="or the request itself")
    delay_s: Seconds = Field(
        0.0, description="waiting that every answer contains by design; enters the bound and the round length"
    )
    seconds: PositiveSeconds | None = Field(None, description="length of its rounds; default rounds.seconds")
    load: Load = Field(description="the load")

    @model_validator(mode="after")
    def _one_source(self) -> Scenario:
        if (self.user is None) == (self.request is None):
            msg = "give exactly one of `user` and `request`"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _enough_connections(self) -> Scenario:
        if isinstance(self.load, OpenLoad):
            # Little's law: so many requests are under way at the highest rate, even on the fastest server.
            needed = math.ceil(max(self.load.levels, default=0.0) * self.delay_s)
            if self.load.connections < needed:
                msg = (
                    f"with this delay_s the highest rate needs {needed} connections, "
                    f"more than load.connections, {self.load.connections}"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _objective_beyond_delay(self) -> Scenario:
        objective = self.load.objective if isinstance(self.load, OpenLoad) else None
        for name, limit_s in objective.limits_s.items() if objective is not None else ():
            if limit_s <= self.delay_s:
                msg = (
                    f"with this delay_s no answer takes less than {self.delay_s:g} s, so the objective "
                    f"{name} = {limit_s:g} can never be kept"
                )
                raise ValueError(msg)
        return self


class ParityPlan(Section):
    """What is asked of all deployments to see that they answer alike."""

    requests: list[PlanRequest] = Field(
        default_factory=list, description="cases beside each scenario's own and those derived from it"
    )


class Rounds(Section):
    """How long and how often is measured."""

    seconds: PositiveSeconds = Field(1.0, description="length of a round's window, in seconds")
    precision: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="a level is done when its ratios' 95% intervals are within this of the ratio"
    )
    margin: Margin = Field(
        Margins(),
        description="ratios this close to 1 count as equivalent: one for all metrics, or a table of these",
    )
    min_blocks: Annotated[int, Field(ge=2)] = Field(
        5, description="blocks before a level can be done; the budget may end a run earlier"
    )
    max_blocks: Annotated[int, Field(ge=2)] = Field(10, description="blocks after which a run ends")
    budget_s: PositiveSeconds = Field(
        180.0, description="how long a run takes at most, in seconds; `--budget` overrides it"
    )
    warmup_s: Seconds = Field(
        0.2, description="how long users go on after their first answer before a window, in seconds"
    )
    warmup_max_s: PositiveSeconds = Field(
        30.0, description="a round whose users have not all had an answer by then is void, in seconds"
    )
    timeout_s: PositiveSeconds = Field(
        30.0, description="an answer that takes longer is a failure, in seconds"
    )
    seed: int = Field(1, description="seed of the random order inside blocks")

    @property
    def margins(self) -> dict[Metric, float]:
        """The margin of each metric."""
        return {
            metric: getattr(self.margin, metric) if isinstance(self.margin, Margins) else self.margin
            for metric in METRICS
        }


class Generator(Section):
    """When a round is void because the load generator was the limit."""

    max_cpu_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        0.9, description="most CPU time it may use, as part of a CPU"
    )
    max_lag_s: PositiveSeconds = Field(
        0.01, description="most that 99% of the requests may be late in the open model, in seconds"
    )
    max_stall_s: PositiveSeconds = Field(
        0.1, description="longest that its event loop may stand still, in seconds"
    )


class Cpus(Section):
    """Which CPUs do what; by default the last for the generator, one per worker for the servers."""

    server: list[Annotated[int, Field(ge=0)]] | None = Field(None, description="CPUs of the servers")
    generator: list[Annotated[int, Field(ge=0)]] | None = Field(None, description="CPUs of the generator")


class Plan(Section):
    """A whole plan, complete and consistent."""

    name: Name = Field("", description="name of the run's folder and report; default: the file's name")
    baseline: str = Field(description="the deployment compared against")
    candidates: list[str] = Field(min_length=1, description="the deployments compared with it")
    include: list[str] = Field(default_factory=list, description="files whose tables are added to this one's")
    locustfile: Path = Field(Path("locustfile.py"), strict=False, description="where user classes live")
    host: IPv4Address = Field(
        IPv4Address("127.0.0.1"),
        strict=False,
        description="address the servers listen on: one that load workers on other machines reach",
    )
    apps: dict[Name, App]
    deployments: dict[Name, Deployment]
    scenarios: dict[Name, Scenario] = Field(default_factory=dict, min_length=1)
    break_even: BreakEvenGrid | None = None
    parity: ParityPlan = ParityPlan()
    rounds: Rounds = Rounds()
    generator: Generator = Generator()
    cpus: Cpus = Cpus()
    path: Path = Field(exclude=True, description="the plan file; set when it is read")
    included: dict[tuple[str, str], Path] = Field(
        default_factory=dict, exclude=True, description="the file of each included entry; set when it is read"
    )

    @model_validator(mode="before")
    @classmethod
    def _lay_out_break_even(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Put the scenarios of [break_even] beside the plan's own."""
        try:
            grid = BreakEvenGrid.model_validate(data.get("break_even"))
        except ValidationError:
            return data  # there is none, or it is told what is wrong with it
        scenarios = data.get("scenarios", {})
        if not isinstance(scenarios, dict):
            return data
        rounds = data.get("rounds")
        round_s = rounds.get("seconds") if isinstance(rounds, dict) else None
        # A wrong length is told of where it stands, and not again at scenarios that nobody wrote.
        if not isinstance(round_s, int | float) or not 0 < round_s < math.inf:
            round_s = Rounds.model_fields["seconds"].default
        return data | {"scenarios": grid.scenarios(round_s, ROUND_DELAYS) | scenarios}

    @field_validator("host")
    @classmethod
    def _one_address(cls, host: IPv4Address) -> IPv4Address:
        if host.is_unspecified:
            msg = f"{host} stands for all addresses, and requests need one to go to; name it"
            raise ValueError(msg)
        return host

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Baseline, control and candidates, in this order."""
        return (
            Arm(name=BASELINE, deployment=self.baseline),
            Arm(name=CONTROL, deployment=self.baseline),
            *(Arm(name=candidate, deployment=candidate) for candidate in self.candidates),
        )

    @property
    def levels(self) -> tuple[tuple[str, float], ...]:
        """Every scenario with every one of its levels."""
        return tuple(
            (name, level) for name, scenario in self.scenarios.items() for level in scenario.load.levels
        )

    @property
    def searches(self) -> dict[str, Objective]:
        """The scenarios whose highest rate is searched, each with what must be kept."""
        return {
            name: scenario.load.objective
            for name, scenario in self.scenarios.items()
            if isinstance(scenario.load, OpenLoad) and scenario.load.objective is not None
        }

    def where(self, *key: str) -> str:
        """A key with the file it stands in, for a message.

        Args:
            key: The key's parts.

        Returns:
            Text such as "loadtests/twins.toml: apps.flask.target".
        """
        return Origins(plan=self.path, included=self.included).where(*key)

    def level_text(self, scenario: str, level: float) -> str:
        """A level with its unit.

        Args:
            scenario: Name of the scenario.
            level: One of its levels.

        Returns:
            Text such as "64 users" or "400 requests/s".
        """
        return units.level(level, self.scenarios[scenario].load.model)

    def window_s(self, scenario: str) -> float:
        """Length of a scenario's rounds.

        Args:
            scenario: Its name.

        Returns:
            Seconds.
        """
        return self.scenarios[scenario].seconds or self.rounds.seconds

    def resolve(self, path: Path) -> Path:
        """A path of the plan, as seen from the plan file.

        Args:
            path: As written in the plan.

        Returns:
            The absolute path.
        """
        return (self.path.parent / path).resolve()

    def as_json(self) -> dict[str, Any]:
        """The plan with every default filled in, ready for JSON."""
        return self.model_dump(mode="json")
