"""What touches the host: locks of processes, processes of their own, places that are shared."""
