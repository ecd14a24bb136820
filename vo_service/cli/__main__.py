"""Run the command as ``python -m vo_service.cli``."""

from vo_service.cli import main

if __name__ == "__main__":
    main(prog_name="pzvo")
