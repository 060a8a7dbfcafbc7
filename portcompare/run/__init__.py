"""A whole comparison: the only package that composes the stages."""
