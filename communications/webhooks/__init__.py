"""Webhooks: programs of others are told of what happens, signed, at least once, and only what they may see (COM-7)."""
