"""`python -m backend`."""

import sys

if __name__ == "__main__":
    try:
        from backend.terminal.commands import main

        sys.exit(main())
    except KeyboardInterrupt:  # before the command line could take care of it
        sys.exit(130)
