"""``python -m ringfinder`` is ``ringfinder``."""

from ringfinder.cli import main

main()
