"""Why: what blocks an event loop, what responses wait for, where the CPU goes, and what to do about it."""
