"""One module a device: how its hardware is driven through its pins or its line. Nothing here knows of banking."""
