"""What a rate limit says and how it is counted, without anything that asks a network or the clock."""
