"""What holds for every test."""

import signal

from hypothesis import settings

# How long one example takes says how busy the machine is: no deadline.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A shell starts what it puts into the background with Ctrl-C ignored, and the commands that tests
# start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
