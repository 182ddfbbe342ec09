"""One thin script per DVC stage: names, order and paths."""
