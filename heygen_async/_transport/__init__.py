"""The only package that touches httpx: two lanes, one with the key and one without."""
