"""What connections, rooms and messages are, without anything that asks a network or the clock."""
