"""Webhooks of the sandbox: endpoints, events, signed deliveries with retries."""
