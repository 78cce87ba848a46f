"""What Brickwork costs, as ratios to the bare framework and to the packages people use instead.

Each module measures one block. ``hatch run bench:all`` runs them all and writes what the documentation shows.
"""
