"""Apps to read, run and copy: one file for each block, and a bookshop that uses them all."""
