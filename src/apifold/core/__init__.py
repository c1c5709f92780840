"""Values and functions: what is true. No I/O, clock, randomness, logging or framework."""
