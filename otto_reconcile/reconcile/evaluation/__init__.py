"""Has a model evaluate the texts of bots, within a budget, and keeps the answers."""
