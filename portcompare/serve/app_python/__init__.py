"""What the app's own interpreter runs, so Python 3.8 and later.

The folder is put on the import path of servers: every name in it begins with `portcompare_`, so that it hides
no module of the app's.
"""
