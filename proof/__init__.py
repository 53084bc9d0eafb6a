"""Shows that nothing is lost: faults of every kind put under the real engine, and what is left judged.

`python -m proof` prints what docs/reliability.md quotes; nothing here is installed with the product.
"""
