"""What `otto-reconcile init` puts into an empty folder: files, and the examples beside them."""
