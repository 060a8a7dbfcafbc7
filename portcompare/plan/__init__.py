"""The plan file: read, checked, and turned into a frozen Plan."""

from portcompare.plan.apps import App, Deployment
from portcompare.plan.checks import Check, Claim, Gate, Measured
from portcompare.plan.deployments import find_upstreams, with_addresses
from portcompare.plan.keys import Key, plan_keys
from portcompare.plan.load import PlanError, load_plan
from portcompare.plan.parity import Allowance, Page, ParityPlan
from portcompare.plan.requests import PlanRequest
from portcompare.plan.scenarios import BreakEvenGrid, ClosedLoad, OpenLoad, Scenario
from portcompare.plan.schema import ROUND_DELAYS, Generator, Plan
from portcompare.plan.types import remedy_for_unknown

__all__ = [
    "ROUND_DELAYS",
    "Allowance",
    "App",
    "BreakEvenGrid",
    "Check",
    "Claim",
    "ClosedLoad",
    "Deployment",
    "Gate",
    "Generator",
    "Key",
    "Measured",
    "OpenLoad",
    "Page",
    "ParityPlan",
    "Plan",
    "PlanError",
    "PlanRequest",
    "Scenario",
    "find_upstreams",
    "load_plan",
    "plan_keys",
    "remedy_for_unknown",
    "with_addresses",
]
