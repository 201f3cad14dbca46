"""The touch window: screens laid out in millimetres and drawn with pygame, on a panel or in a window.

theme       colours, millimetre measures and type, in one file
panel       sizes of panels and what class of layout they get;  rotation turns frame and touch together
layout/     screen and panel to boxes, pure;  plan holds what is placed, sketch places it
paint/      a plan's elements onto a surface
motion      frames of loops, the paper's slide;  touches what a finger, a mouse or a keyboard means
display     the asyncio task that shows screens and hears touches;  render makes one picture
"""

import os

# pygame greets on standard output when it is imported, which would spoil what a command prints there.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
