"""The plan's keys: their types, units and defaults, and the checks that one key can fail by itself."""

from __future__ import annotations

import math
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from portcompare import units
from portcompare.plan.apps import App, Deployment
from portcompare.plan.checks import Claim, Gate
from portcompare.plan.parity import Cost, Page, ParityPlan
from portcompare.plan.scenarios import BreakEvenGrid, OpenLoad, Scenario
from portcompare.plan.types import FILE_NAME, Margin, Margins, Origins, PositiveSeconds, Seconds, Section
from portcompare.records.results import BASELINE, CONTROL, METRICS, Arm, Metric

if TYPE_CHECKING:
    from portcompare.plan.scenarios import Objective

Name = Annotated[str, Field(pattern=FILE_NAME)]

ROUND_DELAYS = 5
"""A round lasts at least this many times the scenario's delay, so that an answer more or less at the edges
of the window changes the rate by less than a fifth for one user and far less for many."""


class Rounds(Section):
    """How long and how often is measured."""

    seconds: PositiveSeconds = Field(1.0, description="length of a round's window, in seconds")
    precision: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.025, description="a level is done when its ratios' 95% intervals are within this of the ratio"
    )
    margin: Margin = Field(
        Margins(),
        description="ratios this close to 1 count as equivalent: one for all metrics, or a table of these",
    )
    min_blocks: Annotated[int, Field(ge=2)] = Field(
        5,
        description="blocks before a level can be done, or three if its intervals are half as wide as "
        "`precision` asks; the budget may end a run earlier",
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
    baseline: str = Field(description='the deployment compared against, or `{ url = "..." }`')
    candidates: list[str] = Field(
        min_length=1, description='the deployments compared with it, or `{ url = "..." }`'
    )
    include: list[str] = Field(default_factory=list, description="files whose tables are added to this one's")
    locustfile: Path = Field(Path("locustfile.py"), strict=False, description="where user classes live")
    host: IPv4Address = Field(
        IPv4Address("127.0.0.1"),
        strict=False,
        description="address the servers listen on: one that load workers on other machines reach",
    )
    apps: dict[Name, App] = Field(default_factory=dict)
    deployments: dict[Name, Deployment]
    scenarios: dict[Name, Scenario] = Field(default_factory=dict, min_length=1)
    break_even: BreakEvenGrid | None = None
    cost: Cost | None = None
    pages: dict[Name, Page] = Field(default_factory=dict)
    claims: dict[Name, Claim] = Field(default_factory=dict)
    parity: ParityPlan = ParityPlan()
    rounds: Rounds = Rounds()
    gates: list[Gate] = Field(
        default_factory=list, description="what a run must keep; exit code 1 if it does not"
    )
    generator: Generator = Generator()
    cpus: Cpus = Cpus()
    path: Path = Field(exclude=True, description="the plan file; set when it is read")
    included: dict[tuple[str, str], Path] = Field(
        default_factory=dict, exclude=True, description="the file of each included entry; set when it is read"
    )
    inline: dict[str, str] = Field(
        default_factory=dict,
        exclude=True,
        description="the key of each deployment without a table; set when it is read",
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
        """A key with the file it stands in, for a message."""
        return Origins(plan=self.path, included=self.included, inline=self.inline).where(*key)

    def app_of(self, deployment: str) -> App:
        """The app that a deployment serves."""
        name = self.deployments[deployment].app
        return App() if name is None else self.apps[name]

    def level_text(self, scenario: str, level: float) -> str:
        """A level with its unit."""
        return units.level(level, self.scenarios[scenario].load.model)

    def window_s(self, scenario: str) -> float:
        """Length of a scenario's rounds."""
        return self.scenarios[scenario].seconds or self.rounds.seconds

    def resolve(self, path: Path) -> Path:
        """A path of the plan, as seen from the plan file."""
        return (self.path.parent / path).resolve()

    def as_json(self) -> dict[str, Any]:
        """The plan with every default filled in, ready for JSON."""
        return self.model_dump(mode="json", by_alias=True)
