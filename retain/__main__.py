"""`python -m retain`: the command line."""

from retain.cli import main

main()
