"""What tests of several rooms share: builders of events and recordings, and programs to watch."""
