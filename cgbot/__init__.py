"""cgbot runs the correspondence of a working group."""
