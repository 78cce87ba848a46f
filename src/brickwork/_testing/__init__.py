"""Parts of `brickwork.testing` that have a module of their own."""
