"""The plan file: read, checked, and turned into a frozen Plan."""

from portcompare.plan.break_even import BreakEvenGrid
from portcompare.plan.capacity import Objective
from portcompare.plan.keys import Key, plan_keys
from portcompare.plan.load import PlanError, load_plan
from portcompare.plan.loads import OpenLoad
from portcompare.plan.schema import App, Deployment, Generator, Plan, PlanRequest, Scenario

__all__ = [
    "App",
    "BreakEvenGrid",
    "Deployment",
    "Generator",
    "Key",
    "Objective",
    "OpenLoad",
    "Plan",
    "PlanError",
    "PlanRequest",
    "Scenario",
    "load_plan",
    "plan_keys",
]
