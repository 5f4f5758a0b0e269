"""The parts of the loop: what is known, the queue, one bot's reconciling, status, the import."""
