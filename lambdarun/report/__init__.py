"""Pages and texts, from views."""
