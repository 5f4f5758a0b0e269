"""One contract for every store, and what is special to each."""
