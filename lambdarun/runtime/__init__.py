"""The shell: trio, processes, sockets and disk."""
