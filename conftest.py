"""The servers for the tests; pytest takes plugins only from here, at the top."""

pytest_plugins = ["tests.servers.plugin"]
