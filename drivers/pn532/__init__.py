"""The PN532 contactless chip in layers: frames on the line, the chip's commands, the tag behind it."""
