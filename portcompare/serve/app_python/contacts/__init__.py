"""What a server loads at its start while it is checked."""
