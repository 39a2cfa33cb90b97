"""`train animator` on talking-head data sets."""
