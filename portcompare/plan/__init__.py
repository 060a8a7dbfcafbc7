"""The plan file: read, checked, and turned into a frozen Plan."""

from portcompare.plan.apps import App, Deployment
from portcompare.plan.break_even import BreakEvenGrid
from portcompare.plan.claims import Check, Claim, Measured
from portcompare.plan.gates import Gate
from portcompare.plan.keys import Key, plan_keys
from portcompare.plan.load import PlanError, load_plan
from portcompare.plan.loads import ClosedLoad, OpenLoad
from portcompare.plan.names import remedy_for_unknown
from portcompare.plan.pages import Page
from portcompare.plan.parity import Allowance, ParityPlan
from portcompare.plan.requests import PlanRequest
from portcompare.plan.scenarios import Scenario
from portcompare.plan.schema import ROUND_DELAYS, Generator, Plan
from portcompare.plan.upstreams import find_upstreams, with_addresses

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
