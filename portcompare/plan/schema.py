"""The plan as a whole, and those of its tables that no other file describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    Tag,
    create_model,
    field_validator,
    model_validator,
)

from portcompare import units
from portcompare.errors import Problem
from portcompare.plan import types as t
from portcompare.plan.apps import UPSTREAM, App, Deployment
from portcompare.plan.checks import Claim, Gate
from portcompare.plan.requests import PlanRequest
from portcompare.plan.scenarios import BreakEvenGrid, Objective, OpenLoad, Page, Scenario
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.rounds import BASELINE, CONTROL, Arm

Ratio = Annotated[float, Field(gt=0, lt=1)]
MostRatio = Annotated[float, Field(gt=0, le=1)]
Blocks = Annotated[int, Field(ge=2, le=10_000)]
Cpu = Annotated[int, Field(ge=0, le=10_000)]


if TYPE_CHECKING:

    class Margins(t.Section):
        """A margin for each metric."""
else:
    Margins = create_model(
        "Margins",
        __base__=t.Section,
        __doc__="A margin for each metric; the defaults are wider for tails, which vary more.",
        **{
            name: (Ratio, Field(metric.margin, description=f"margin of the {metric.noun}"))
            for name, metric in METRICS.items()
        },
    )


def _check_turn(turn_s: float) -> float:
    if turn_s and not 0.01 <= turn_s <= 0.5:  # noqa: PLR2004 - as said
        raise t.wrong_value(f"is {turn_s:g}", "write 0.01 to 0.5 seconds, or 0 for windows")
    return turn_s


class Rounds(t.Section):
    """How long and how often is measured."""

    seconds: t.PositiveSeconds = Field(
        1.0, description="length of a round's window, or of its turns together, in seconds"
    )
    turn_s: Annotated[float, AfterValidator(_check_turn)] = Field(
        0.05,
        description="shortest time for which one deployment is loaded before the next takes its turn, 0.01 "
        "to 0.5 seconds; 0 for one window of `seconds` each",
    )
    precision: Ratio = Field(
        0.025, description="a level is done when its ratios' 95% intervals are within ± this part of them"
    )
    # By its form, so that a wrong margin is reported once. The tag stands first, as in pydantic's locations.
    margin: Annotated[
        Annotated[float, Tag("number"), Field(gt=0, lt=1)] | Annotated[Margins, Tag("table")],
        Discriminator(lambda margin: "table" if isinstance(margin, dict | Margins) else "number"),
    ] = Field(
        Margins(),
        description="ratios this close to 1 count as equivalent: one for all metrics, or a table of these",
    )
    min_blocks: Blocks = Field(
        5,
        description="blocks before a level can be done, or three if its intervals are half as wide as "
        "`precision` requires; the budget may end a run earlier",
    )
    max_blocks: Blocks = Field(10, description="blocks after which a run ends")
    budget_s: t.PositiveSeconds = Field(120.0, description="longest run, in seconds; `--budget` overrides it")
    warmup_s: t.Seconds = Field(
        0.2,
        description="time from users' first responses to a window, or of each deployment's first turns at a "
        "level, in seconds",
    )
    warmup_max_s: t.PositiveSeconds = Field(
        30.0,
        description="longest wait for each user's first response, in seconds; then the round is discarded",
    )
    timeout_s: t.PositiveSeconds = Field(
        30.0, description="longest response time, in seconds; then it failed"
    )
    seed: int = Field(1, description="seed of the random order inside blocks")

    @model_validator(mode="after")
    def _min_below_max(self) -> Rounds:
        if self.min_blocks > self.max_blocks:
            found = f"min_blocks, {self.min_blocks}, is more than max_blocks, {self.max_blocks}"
            raise t.wrong_value(found, "lower min_blocks or raise max_blocks")
        return self

    @property
    def margins(self) -> dict[MetricName, float]:
        """The margin of each metric."""
        return {
            metric: getattr(self.margin, metric) if isinstance(self.margin, Margins) else self.margin
            for metric in METRICS
        }


class Generator(t.Section):
    """When a round is discarded because the load generator was the limit."""

    max_cpu_ratio: MostRatio = Field(0.9, description="most CPU time, as a share of one CPU")
    max_lag_s: t.PositiveSeconds = Field(
        0.01, description="largest p99 of the requests' lateness in the open model, in seconds"
    )
    max_stall_s: t.PositiveSeconds = Field(0.1, description="longest block of its event loop, in seconds")


class Cpus(t.Section):
    """Which CPUs do what; by default the last for the generator, one per worker for the servers."""

    server: list[Cpu] | None = Field(None, description="CPUs of the servers")
    generator: list[Cpu] | None = Field(None, description="CPUs of the generator")


class WorkPlan(t.Section):
    """What is counted beside the load; an empty table has it counted with the defaults."""

    requests: int = Field(
        400,
        ge=16,
        le=1_000_000,
        description="requests of each scenario that are counted; fewer where responses wait",
    )


class Cost(t.Section):
    """The price of an hour of a CPU core, from which the report works out that of a million requests."""

    per_core_hour: t.PositiveNumber = Field(description="price of one CPU core for an hour")
    currency: t.Currency = Field(description='the currency, as the report is to show it: "EUR", "$"')


class Allowance(t.Section):
    """Differences that are intended. In patterns `*` stands for anything, all else for itself."""

    reason: t.NotBlank = Field(description="why they are intended; shown with each of them in the reports")
    case: str = Field("*", description="pattern of the cases, `GET /items*`; `*` stands for anything")
    deployment: str = Field("*", description="pattern of the deployments")
    kind: str = Field("*", description="pattern of the difference's kind: status, header, body, json or log")
    pointer: str = Field(
        "*", description="pattern of the header's name or the place in the body, `/items/*/id`"
    )
    known: list[t.NotBlank] = Field(
        [], description="only these known differences between frameworks, by name; empty for any difference"
    )


class ParityPlan(t.Section):
    """What is sent to all deployments to compare their responses."""

    requests: list[PlanRequest] = Field(
        [], description="requests beside those of the scenarios; all are varied"
    )
    vary: list[t.PathPattern] = Field(["*"], description="patterns of the paths whose requests are varied")
    openapi: t.NotBlank | None = Field(
        None,
        description="an OpenAPI document as a source of cases: a file relative to the plan file, or a path "
        "on the baseline's server such as `/openapi.json`; needs the extra `openapi`",
    )
    examples: t.Count = Field(25, description="requests made for each operation of the document")
    seed: int = Field(1, description="seed of these requests; the same seed makes the same requests")
    timeout_s: t.PositiveSeconds = Field(10.0, description="how long a response may take, in seconds")
    allow: list[Allowance] = Field([], description="differences that are intended, and why")


class Plan(t.Section):
    """A whole plan."""

    name: t.Name = Field("", description="name of the run's folder and report; default: the file's name")
    baseline: str = Field(description='the deployment compared against, or `{ url = "..." }`')
    candidates: list[str] = Field(
        min_length=1, max_length=100, description='those compared with it, or `{ url = "..." }`'
    )
    include: list[str] = Field([], description="files whose tables are added to this one's")
    locustfile: t.AnyPath = Field(Path("locustfile.py"), description="file of the user classes")
    host: IPv4Address = Field(
        IPv4Address("127.0.0.1"),
        strict=False,
        description="address the servers listen on; load workers on other machines must reach it",
    )
    apps: dict[t.Name, App] = Field({})
    deployments: dict[t.Name, Deployment]
    scenarios: dict[t.Name, Scenario] = Field({}, min_length=1, max_length=1000)
    break_even: BreakEvenGrid | None = None
    cost: Cost | None = None
    work: WorkPlan | None = None
    pages: dict[t.Name, Page] = Field({})
    claims: dict[t.Name, Claim] = Field({})
    parity: ParityPlan = ParityPlan()
    rounds: Rounds = Rounds()
    gates: list[Gate] = Field([], description="limits that a run must keep; else its exit code is 1")
    generator: Generator = Generator()
    cpus: Cpus = Cpus()
    origins: t.Origins = Field(exclude=True)  # set when the file is read

    @model_validator(mode="wrap")
    @classmethod
    def _with_scenarios_of_grid(cls, data: object, handler: ModelWrapValidatorHandler[Plan]) -> Plan:
        plan = handler(data)
        if plan.break_even is None:
            return plan
        made = plan.break_even.scenarios(plan.rounds.seconds)
        return plan.model_copy(update={"scenarios": made | plan.scenarios})

    @field_validator("host")
    @classmethod
    def _one_address(cls, host: IPv4Address) -> IPv4Address:
        if host.is_unspecified:
            raise t.wrong_value(f"is {host}, which stands for all addresses", "name one to send requests to")
        return host

    @property
    def path(self) -> Path:
        """The plan file."""
        return self.origins.plan

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Baseline, control and candidates, in this order."""
        return (
            Arm(name=BASELINE, deployment=self.baseline),
            Arm(name=CONTROL, deployment=self.baseline),
            *(Arm(name=candidate, deployment=candidate) for candidate in self.candidates),
        )

    @property
    def work_plan(self) -> WorkPlan:
        """How work is counted, also where only `portcompare work` counts it."""
        return self.work or WorkPlan()

    @property
    def levels(self) -> tuple[tuple[str, float], ...]:
        """Each scenario with each of its levels."""
        return tuple((name, level) for name, one in self.scenarios.items() for level in one.load.levels)

    @property
    def searches(self) -> dict[str, Objective]:
        """The scenarios whose highest rate is searched, each with its objective."""
        return {
            name: scenario.load.objective
            for name, scenario in self.scenarios.items()
            if isinstance(scenario.load, OpenLoad) and scenario.load.objective is not None
        }

    @property
    def upstreams(self) -> tuple[str, ...]:
        """The deployments that the environments of the arms name."""
        return tuple(dict.fromkeys(one for arm in self.arms for one in self.upstreams_of(arm.deployment)))

    def upstreams_of(self, deployment: str) -> list[str]:
        """The deployments that the environment of one names."""
        environments = (self.app_of(deployment).environment, self.deployments[deployment].environment)
        return [name for each in environments for value in each.values() for name in UPSTREAM.findall(value)]

    def with_addresses(self, addresses: Mapping[str, str]) -> Plan:
        """The plan with the addresses of upstreams in place of their names."""

        def fill(section: App | Deployment) -> App | Deployment:
            environment = {
                key: UPSTREAM.sub(lambda match: addresses.get(match[1], match[0]), value)
                for key, value in section.environment.items()
            }
            return section.model_copy(update={"environment": environment})

        apps = {name: fill(app) for name, app in self.apps.items()}
        deployments = {name: fill(deployment) for name, deployment in self.deployments.items()}
        return self.model_copy(update={"apps": apps, "deployments": deployments})

    def app_of(self, deployment: str) -> App:
        """The app that a deployment serves; an empty one if it names none."""
        return self.apps.get(self.deployments[deployment].app or "", App())

    def level_text(self, scenario: str, level: float) -> str:
        """A level with its unit."""
        return units.level(level, self.scenarios[scenario].load.model)

    def window_s(self, scenario: str) -> float:
        """Length of a scenario's rounds."""
        return self.scenarios[scenario].seconds or self.rounds.seconds

    def resolve(self, path: Path) -> Path:
        """A path of the plan, which is relative to the plan file."""
        return (self.path.parent / path).resolve()

    def as_json(self) -> dict[str, Any]:
        """The plan with every default filled in, ready for JSON."""
        return self.model_dump(mode="json", by_alias=True)

    def given_as_json(self) -> dict[str, Any]:
        """What the plan's file gives, without defaults, from which it can be made again."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)

    def where(self, *key: str | int) -> str:
        """A key with its file, for a message."""
        return self.origins.where(*key)

    def problem(self, key: tuple[str | int, ...], found: str, remedy: str) -> Problem:
        """A problem with the value of a key."""
        return Problem(where=self.where(*key), found=found, remedy=remedy)

    def unknown(self, key: tuple[str | int, ...], kind: str, name: str, known: Iterable[str]) -> Problem:
        """A problem with a key that names something that there is not."""
        return self.problem(key, f"there is no {kind} {name!r}", t.remedy_for_unknown(name, known))
