"""The plugins of the tests (test kit, servers, watch over secrets); pytest takes them only from here, at the top."""

pytest_plugins = ["brickwork.testing", "tests.servers.plugin", "tests.leaks"]
