"""The demo: a device maker's year in EPCIS events, told as a story with its own servers."""
