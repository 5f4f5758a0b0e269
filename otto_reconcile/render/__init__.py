"""Turns plans and tables into text, JSON, YAML and markdown. Pure; `cli` writes it out."""
