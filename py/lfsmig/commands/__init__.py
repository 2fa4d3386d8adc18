"""What a command does beyond calling one function: gather, and put into words."""
