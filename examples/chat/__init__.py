"""A chat with rooms that loses nothing: not while a phone is in a tunnel, not while the server is restarted.

```console
$ hatch run python -m examples.chat
```
"""
