"""What the harness and the load-generator process send each other."""
