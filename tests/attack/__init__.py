"""What a hostile client would send, and what it must cost us: each program prints its figure."""
