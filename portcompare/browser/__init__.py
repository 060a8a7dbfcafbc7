"""Pages loaded by a real browser: how long a visitor waits."""

from portcompare.browser.chromium import find_chromium, launch_chromium
from portcompare.browser.visits import visit_page

__all__ = ["find_chromium", "launch_chromium", "visit_page"]
