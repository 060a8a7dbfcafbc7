"""The plan file: read, checked, and turned into a frozen Plan."""

from portcompare.plan.apps import App, Deployment
from portcompare.plan.checks import Check, Claim, Gate, Measured
from portcompare.plan.keys import Key, plan_keys
from portcompare.plan.load import load_plan
from portcompare.plan.requests import PlanRequest
from portcompare.plan.scenarios import ROUND_DELAYS, BreakEvenGrid, ClosedLoad, OpenLoad, Page, Scenario
from portcompare.plan.schema import Allowance, Generator, Plan
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
    "Plan",
    "PlanRequest",
    "Scenario",
    "load_plan",
    "plan_keys",
    "remedy_for_unknown",
]
