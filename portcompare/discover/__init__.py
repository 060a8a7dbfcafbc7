"""Looking at a project that portcompare does not know: its apps, their routes, and a first plan for them."""

from portcompare.discover.draft import Draft, Served, draft_plan
from portcompare.discover.plan_text import locustfile_text, plan_text
from portcompare.discover.project import look_at_project
from portcompare.discover.records import Found, FoundApp
from portcompare.discover.routes import Ask

__all__ = [
    "Ask",
    "Draft",
    "Found",
    "FoundApp",
    "Served",
    "draft_plan",
    "locustfile_text",
    "look_at_project",
    "plan_text",
]
