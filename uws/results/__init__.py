"""Where the results of jobs are kept: the protocol, and a local folder."""
