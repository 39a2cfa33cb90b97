"""What networks are built of: attention, Mamba and its scan, Whisper's layers."""
