"""What happened, summed up: read from records only."""
