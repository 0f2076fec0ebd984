"""Pure functions that make rows of styled text, shapes and words."""
