"""`python -m unweave` is the command line."""

from unweave.commands import main

if __name__ == "__main__":
    main()
