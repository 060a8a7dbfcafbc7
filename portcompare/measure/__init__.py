"""Measuring: blocks of rounds, driven through the load-generator process."""
