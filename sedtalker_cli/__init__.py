"""SEDTalker: speech emotion diarization and emotional 3D face animation."""

__version__ = "0.1.0"
