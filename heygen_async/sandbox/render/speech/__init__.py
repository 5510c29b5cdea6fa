"""Voices of the emulator: one for English, one for other languages if installed, one that never fails."""
