"""What the page Look up is drawn from, one part a file."""
