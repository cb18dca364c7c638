"""`python -m lambdarun`."""

from lambdarun.cli.main import main

if __name__ == "__main__":
    main()
