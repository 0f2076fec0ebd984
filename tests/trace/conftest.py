"""The modules beside this file are imported by the tests in the rooms below."""
