"""What an app asks for: connections, rooms and streams."""
