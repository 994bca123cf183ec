"""What people read: captions in the call and transcripts after it."""
