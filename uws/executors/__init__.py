"""Where the programs of jobs run: processes on this host now, clusters through the same seam."""
