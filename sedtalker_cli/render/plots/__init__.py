"""Pictures of timelines and scores, drawn with matplotlib (imported only by `canvas`)."""
