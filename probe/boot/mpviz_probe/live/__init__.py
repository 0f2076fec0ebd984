"""The probe that comes into a program which already runs: it enters, and adopts what is there."""
