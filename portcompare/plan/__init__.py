"""The plan file: read, checked, and turned into a frozen Plan."""

from portcompare.plan.keys import Key, plan_keys
from portcompare.plan.load import load_plan
from portcompare.plan.schema import App, Deployment, Plan, PlanRequest, Scenario

__all__ = ["App", "Deployment", "Key", "Plan", "PlanRequest", "Scenario", "load_plan", "plan_keys"]
