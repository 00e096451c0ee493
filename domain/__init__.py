"""Rules and values of the product: pure code on the standard library and NumPy, no I/O."""
