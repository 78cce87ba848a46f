"""Rooms, histories and presence in Redis, for apps that run as several processes.

```python
from redis.asyncio import Redis

from brickwork.websockets.redis import RedisBackplane

backplane = RedisBackplane(Redis(host="redis"))
```

A process without an app, such as a worker, sends with `RedisPublisher`. Set ``maxmemory-policy`` to ``noeviction``: a
server that drops keys forgets who is there, and what clients that come back have missed.
"""

from .backplane import RedisBackplane
from .publisher import RedisPublisher

__all__ = ["RedisBackplane", "RedisPublisher"]
