"""Plans as data: actions, their order, the guard against mass loss, masked secrets. Pure."""
