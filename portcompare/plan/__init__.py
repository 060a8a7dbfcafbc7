"""The plan file: read, checked, and turned into a frozen Plan."""

from portcompare.plan.apps import App, Deployment
from portcompare.plan.break_even import BreakEvenGrid
from portcompare.plan.capacity import Objective
from portcompare.plan.keys import Key, plan_keys
from portcompare.plan.load import PlanError, load_plan
from portcompare.plan.loads import OpenLoad
from portcompare.plan.parity import Allowance, ParityPlan
from portcompare.plan.requests import PlanRequest
from portcompare.plan.scenarios import Scenario
from portcompare.plan.schema import Generator, Plan

__all__ = [
    "Allowance",
    "App",
    "BreakEvenGrid",
    "Deployment",
    "Generator",
    "Key",
    "Objective",
    "OpenLoad",
    "ParityPlan",
    "Plan",
    "PlanError",
    "PlanRequest",
    "Scenario",
    "load_plan",
    "plan_keys",
]
