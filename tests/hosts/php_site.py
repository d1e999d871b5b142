"""This module has sites of PHP under PHP-FPM and nginx, which hold everything back that they can."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path

from tests.live.processes import free_port, program, running, until
from tests.live.proxies import nginx

POOL = """
[{name}]
user = {user}
listen = {folder}/{name}.sock
pm = static
pm.max_children = 8
{environment}
php_value[output_buffering] = 4096
php_value[zlib.output_compression] = On
php_value[session.save_path] = {folder}
php_admin_flag[enable_post_data_reading] = {parses}
"""
POOLS = {"site": "on", "unparsed": "off"}
"""These are the pools, and whether PHP takes forms apart in them."""
SERVER = """server {{
    listen 127.0.0.1:{port};
    root {folder}/site;
    index index.php;
    gzip on;
    gzip_types text/event-stream application/json;
    {locations}
}}"""


@contextmanager
def php_site(folder: Path, settings: Mapping[str, str], locations: str) -> Iterator[str]:
    """Give the address of what is in `folder/site`, once it answers. `locations` are those of nginx."""
    port, user = free_port(), getuser()
    # PHP-FPM passes on nothing of its own environment, as the page says.
    given = {
        "folder": folder,
        "user": user,
        "environment": "\n".join(f"env[{key}] = {settings[key]}" for key in settings),
    }
    pools = [POOL.format(name=name, parses=parses, **given) for name, parses in POOLS.items()]
    (folder / "pools.conf").write_text(f"[global]\ndaemonize = no\nerror_log = {folder}/fpm.log\n{''.join(pools)}")
    # Debian's name of the program has its version.
    manager = next((path.name for path in Path("/usr/sbin").glob("php-fpm*")), "php-fpm")
    command = [program(manager), "-y", str(folder / "pools.conf"), "--allow-to-run-as-root"]
    server = SERVER.format(folder=folder, port=port, locations=locations)
    with running(command, cwd=folder, log=folder / "log"), nginx(folder, server, port) as url:
        until(lambda: all((folder / f"{name}.sock").exists() for name in POOLS), 10, "PHP listens")
        yield url


def located(locations: str, folder: Path, pool: str) -> str:
    """Return locations of nginx as an example's page has them, with the places of this machine."""
    here = locations.replace("include fastcgi", "include /etc/nginx/fastcgi")
    return here.replace("/run/php/php-fpm.sock", f"{folder}/{pool}.sock")
