"""The rows of a bot, as every program that shares the database sees them."""
