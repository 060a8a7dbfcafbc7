"""The sections of the report, builder and template side by side."""
