"""What is felt when: the timeline, how it is decoded, and how an override is said."""
