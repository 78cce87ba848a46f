"""The same app with and without us: what somebody has to write for a login, refresh tokens, a role and API keys."""
