"""Data of the API in HeyGen's words: frozen values that hold no client and do no I/O."""
