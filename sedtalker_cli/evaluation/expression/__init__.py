"""How expressions move: their statistics over recordings, beside those of real faces."""
