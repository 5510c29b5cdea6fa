"""Foreign clients of HeyGen, unchanged, against the sandbox: an opt-in job, see README.md."""
