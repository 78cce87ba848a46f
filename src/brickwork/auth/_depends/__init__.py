"""The face of authentication: what endpoints depend on."""
