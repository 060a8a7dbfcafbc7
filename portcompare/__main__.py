"""The command line, as `python -m portcompare`."""

from portcompare.cli import main

if __name__ == "__main__":
    main()
