"""Servers that speak MongoDB's wire protocol, for any test: see `server`."""
