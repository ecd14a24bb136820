"""People and their credentials: accounts, groups, passwords, access tokens, sessions."""
