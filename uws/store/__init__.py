"""Where jobs are kept: the protocol, and its implementation in a relational database."""
