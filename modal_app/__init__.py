"""
The GPU speech service: many live audio streams become timed words on one GPU.

Complete by itself: it imports nothing of the application. Whoever wants to talk to it needs
`modal_app.protocol` alone, which imports nothing heavy.
"""
