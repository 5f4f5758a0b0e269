"""Tests of several targets in one configuration."""
