"""Who may come in, and how: accounts, roles, sessions, keys, sign-in, second factors, providers."""
