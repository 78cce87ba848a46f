"""The JavaScript client in a real browser: `hatch run browser`, which is not part of `hatch run test`."""
