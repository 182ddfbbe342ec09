"""What a run leaves: written, signed, kept in order, and checked again."""
