"""What joins sockets, rooms and backplanes."""
