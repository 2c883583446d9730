"""The exit codes that worker classes take from the Arbiter. The arbiter itself is Tunicorn's."""


class Arbiter:
    WORKER_BOOT_ERROR = 3
    APP_LOAD_ERROR = 4
