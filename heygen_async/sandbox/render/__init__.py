"""The renderer: from a plan to files that play. Only the worker process imports the heavy parts."""
