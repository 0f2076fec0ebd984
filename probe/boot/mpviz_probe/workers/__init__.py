"""What all pools and executors share: jobs, the tasks of their workers, and waits for results."""
