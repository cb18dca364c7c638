"""Declarations, from files."""
