"""The plugins of the tests: our own test kit, and the servers; pytest takes them only from here, at the top."""

pytest_plugins = ["brickwork.testing", "tests.servers.plugin"]
