"""The command about talks: given, checked and recorded."""
