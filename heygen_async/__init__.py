"""Async client for the HeyGen avatar-video API."""
