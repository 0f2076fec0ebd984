"""The page of one process: the sentences, charts and lists that are on it."""
