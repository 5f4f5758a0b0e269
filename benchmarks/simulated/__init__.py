"""A Parlant server that is simulated: what it keeps, what it answers, how long that takes."""
