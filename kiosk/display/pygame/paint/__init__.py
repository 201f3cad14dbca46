"""A plan's elements onto a surface: shapes drawn at four times their size and scaled down, words at their own."""
