"""What AWS says: limits, texts, metric names and log lines, once, as data, with their pages."""
