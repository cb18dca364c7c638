"""Arrivals, from files."""
