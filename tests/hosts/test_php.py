"""The service in a site of PHP: under PHP's own server, and under PHP-FPM behind nginx with PHP's usual buffering."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.hosts.host import KEY, Host
from tests.hosts.login_host import USER, LoginHostContract, StreamedUploads
from tests.hosts.tapped import Tapped
from tests.live.processes import free_port, listens, program, running, until
from tests.live.proxies import nginx

WORKERS = 8
POOL = """[global]
daemonize = no
error_log = {folder}/fpm.log
[site]
{user}
listen = 127.0.0.1:{port}
pm = static
pm.max_children = {workers}
clear_env = no
php_value[output_buffering] = 4096
php_value[zlib.output_compression] = On
"""
SERVER = """server {{
    listen 127.0.0.1:{port};
    root {root};
    index index.php;
    {more}
    client_max_body_size 65m;
    location ~ ^(?<script>/[^?]*\\.php)(?<rest>/.*)?$ {{
        include /etc/nginx/fastcgi_params;
        fastcgi_param SCRIPT_FILENAME $document_root$script;
        fastcgi_param SCRIPT_NAME $script;
        fastcgi_param PATH_INFO $rest;
        fastcgi_pass 127.0.0.1:{backend};
        fastcgi_read_timeout 620s;
    }}
}}"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(EXAMPLES / "php", tmp_path_factory.mktemp("php") / "site"))


def settings(tapped: Tapped) -> Mapping[str, str]:
    return {"QA_URL": f"{tapped.url}/api", "QA_KEY": KEY, "PHP_CLI_SERVER_WORKERS": str(WORKERS)}


class TestOwnServer(LoginHostContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tapped: Tapped, root: Path) -> Iterator[Host]:
        port = free_port()
        command = [program("php"), "-d", "enable_post_data_reading=0", "-S", f"127.0.0.1:{port}"]
        with running(command, cwd=root, log=root.parent / "log", env=settings(tapped)):
            until(lambda: listens(port), 10, "PHP listens")
            url = f"http://127.0.0.1:{port}"
            yield Host(url, "/qa/index.php/api", log_in(url, "/"))
