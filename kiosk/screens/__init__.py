"""What is shown, as data: words here, layout in the displays."""
