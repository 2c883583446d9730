"""What worker classes import of Gunicorn, for environments that do not have it: the base class and what it needs.

Tunicorn offers it to direct worker classes only, and only where no ``gunicorn`` is installed. The interface is that of
Gunicorn 27.0.1; what is not here (the classes sync, gthread and gevent among it) needs the package itself.
"""

version_info = (27, 0, 1)
__version__ = ".".join(str(part) for part in version_info)
SERVER = "gunicorn"
SERVER_SOFTWARE = f"{SERVER}/{__version__}"
