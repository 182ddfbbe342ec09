"""All readers, each called once: files become evidence."""
