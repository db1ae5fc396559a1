"""Where AWS is of two minds for a while. Importing this package puts it in force."""
