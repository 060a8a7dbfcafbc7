"""Looking at a project that portcompare does not know: its apps, their routes, and a first plan for them."""
