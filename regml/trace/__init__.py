"""The one graph, the rules that look at it, and the questions it answers."""
