"""`python -m portcompare` is the command line too."""

from portcompare.cli import main

if __name__ == "__main__":
    main()
