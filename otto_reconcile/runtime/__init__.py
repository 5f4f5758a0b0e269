"""Clock, back-off, data directory, logs: what every part may use and what knows no bot."""
