"""What the app's own interpreter runs, so Python 3.8 and later.

Servers have the folder on their import path: names that begin with `portcompare_` hide none of the app's.
"""
