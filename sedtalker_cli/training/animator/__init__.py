"""`train animator` on captured motion."""
