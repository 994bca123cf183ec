"""Recognition services as their providers document them, on real sockets of this machine."""
