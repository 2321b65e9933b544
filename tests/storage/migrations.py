"""A migration that is cut off: database, migration, and the step before which it is killed."""

MIGRATION_KILLED = """
import os, signal, sys
from yoyo.backends.base import DatabaseBackend
from hexiao.config import Settings
from hexiao.wiring import migrate

wanted = getattr(DatabaseBackend, sys.argv[3])

def die(self, migration, *how, **more):
    if migration.id == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    wanted(self, migration, *how, **more)

setattr(DatabaseBackend, sys.argv[3], die)
migrate(Settings(database=sys.argv[1]))
"""
