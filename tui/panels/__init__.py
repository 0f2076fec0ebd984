"""The panels: each a pure function from what is true and what is looked at to rows of text.

A new panel is one new file here, and its name in :data:`PANELS`.
"""
