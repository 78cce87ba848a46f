"""How rate limits meet FastAPI: dependencies, decorators, keys."""
