"""What is known of an observed process, and which process is which."""
