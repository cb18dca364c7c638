"""Inside an execution environment: standard library only, Python 3.9 and later, imports nothing of ours."""
