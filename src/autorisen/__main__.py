"""`python -m autorisen` is the command `autorisen`."""

from autorisen.cli import main

if __name__ == "__main__":
    main()
