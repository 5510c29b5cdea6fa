"""Videos and pictures that show one card, written in plain Python: what fast mode sends instead of renders."""
