"""Where desired state comes from: manifest folders, their commits, and bots that are adopted."""
