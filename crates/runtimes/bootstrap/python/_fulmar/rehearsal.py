"""The function of a rehearsal: it imports what many do, was not compiled before, and returns what it is given."""

import asyncio  # noqa: F401
import datetime  # noqa: F401
import http.client  # noqa: F401
import json  # noqa: F401
import logging  # noqa: F401
import os  # noqa: F401
import ssl  # noqa: F401
import time  # noqa: F401
import urllib.request  # noqa: F401
import uuid  # noqa: F401

exec(compile("import json\n\n\ndef handler(event, context):\n    return event\n", "rehearsal", "exec"))
