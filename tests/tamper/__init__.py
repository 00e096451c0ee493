"""Tampering with a journal, as programs: every class is found, clean journals raise no alarm."""
