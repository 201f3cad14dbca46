"""The simulator's page: a kiosk as the picture of a machine, in a browser on this computer.

wish        what was asked for;  server  the loopback listener, and what each address answers
gate        who may come in;  http  requests and answers as bytes
glass       the touch window without a window;  view  what one browser has not seen of it;  png  pictures as bytes
news        what there is to be seen of machine and hands;  ledger  the same of the bank's books;  stream  sends both
heard       what is said in the headphones, and its sound;  paper  receipts as they are drawn
deeds       what the page can do;  shelf  the page's own files, the theme's colours, the fonts
"""
