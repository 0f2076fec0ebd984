"""What mpviz costs, as ratios within one run: ``python -m tests.benchmarks`` prints the tables.

``python -m tests.benchmarks cases FOLDER`` prints what mpviz finds in the programs of a folder.
These are figures to read, never tests: a machine that is busy with something else makes them worse.
"""
