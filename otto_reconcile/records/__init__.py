"""What we keep, in a store: events, rows, applied resources, audit, leases, evaluations."""
