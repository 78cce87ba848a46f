"""What every block rests on; nothing here is public except through a block's door."""
