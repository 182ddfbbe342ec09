"""Every number we state, and the command behind it."""
