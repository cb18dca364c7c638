"""Starts a module of this folder as a program: `python start.py MODULE ARGUMENT...`.

Python compiles a script anew at each start; a module it does not.
"""

import os
import sys


def main() -> None:
    """Import the module that is named first, and leave no trace of that for handlers to meet."""
    here = os.path.dirname(os.path.abspath(__file__))
    name = sys.argv.pop(1)
    sys.path.insert(0, here)
    module = __import__(name)
    sys.path.remove(here)
    del sys.modules[name]
    module.main()


if __name__ == "__main__":
    main()
