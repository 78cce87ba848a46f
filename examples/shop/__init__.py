"""A small bookshop API: a catalogue, orders, and Brickwork for everything that every API needs besides.

```console
$ hatch run demo
```
"""
