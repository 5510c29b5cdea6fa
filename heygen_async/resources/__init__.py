"""The resources of the API as they hang on the client."""
