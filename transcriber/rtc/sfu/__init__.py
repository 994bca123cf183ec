"""Built-in rooms: forwarding what one sends to all who want it, without decoding."""
