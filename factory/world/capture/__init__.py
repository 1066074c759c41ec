"""Where and with what a person is recorded: rooms with their light, and the cameras that the domains differ by."""
