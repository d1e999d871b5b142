"""gunicorn's configuration for this site, which gunicorn finds by itself. It is the service's own, whose workers hold
many streams at a time and lose no answer when the site starts again."""

from importlib.util import find_spec
from pathlib import Path
from runpy import run_path

# The configuration must be read before the package is imported. It lies in the package, and in a checkout beside it.
package = Path(find_spec("qa_service").origin).parent
inside, beside = package / "gunicorn.conf.py", package.parent / "gunicorn.conf.py"
globals().update(run_path(str(inside if inside.exists() else beside)))
