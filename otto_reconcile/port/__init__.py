"""The port to Parlant: `base.Port` is its face, `rest.RestPort` makes one over HTTP or ASGI."""
