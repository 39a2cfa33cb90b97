"""Many inputs: found, planned, worked on in one or several processes, and recorded."""
