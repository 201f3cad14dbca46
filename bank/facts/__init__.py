"""Facts: what already happened at a machine. They are never refused for what they say; a doubt becomes a case."""
