"""What joins the rules of a rate limit and its stores."""
