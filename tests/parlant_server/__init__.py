"""A real Parlant server for tests, in a subprocess or in process, and a proxy that makes faults."""
