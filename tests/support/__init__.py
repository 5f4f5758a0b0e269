"""What tests of all parts use."""
