"""The desired state, applied sets, audit and leases."""
