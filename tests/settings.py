"""The project's settings for tests: the data folder is a new one, so that tests share nothing with ``var/`` or each other."""

import atexit
import os
import shutil
import tempfile

_data_dir = tempfile.mkdtemp(prefix="autofix-tests-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["AUTOFIX_DATA_DIR"] = _data_dir

from config.settings import *  # noqa: E402, F403 - the environment comes first; all of the project's settings are meant
from config.settings import DATABASES  # noqa: E402 - named for the line that changes it

if DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3":
    # Test runs side by side on one server each get a database of their own.
    DATABASES["default"]["TEST"] = {"NAME": f"test_autofix_{os.getpid()}"}
    # A request gives its connection back: threads of in-process servers end without anybody who could close theirs.
    DATABASES["default"]["CONN_MAX_AGE"] = 0

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; these passwords guard nothing
