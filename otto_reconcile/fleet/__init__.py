"""Several targets in one configuration: which bots are on which, and how bots move between them."""
