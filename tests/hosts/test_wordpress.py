"""The plugin in a WordPress, with its database, under PHP-FPM and nginx."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.hosts.host import KEY, Host
from tests.hosts.login_host import LoginHostContract, fetch
from tests.hosts.pages import EXAMPLES
from tests.hosts.php_site import located, php_site
from tests.hosts.tapped import Tapped
from tests.live.processes import program, running, until

WORDPRESS = Path("/usr/share/wordpress")
PLUGIN = EXAMPLES / "wordpress/qa-service.php"
PAGE = EXAMPLES / "wordpress/README.md"
LOCATIONS = """
client_max_body_size 80m;
location / { try_files $uri $uri/ /index.php?$args; }
location ~ \\.php$ {
    include fastcgi_params;
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    fastcgi_param HTTP_HOST $host:$server_port;
    fastcgi_pass unix:/run/php/php-fpm.sock;
    fastcgi_param PHP_VALUE "post_max_size=65M
upload_max_filesize=16M";
}
"""
CONFIGURATION = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', '{user}');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{folder}/db.sock');
define('DB_CHARSET', 'utf8mb4');
define('QA_SERVICE_URL', '{url}');
define('QA_SERVICE_KEY', '{key}');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('WP_DEBUG', true);
define('WP_DEBUG_DISPLAY', false);
define('WP_DEBUG_LOG', '{folder}/debug.log');
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
INSTALL = """<?php
$_SERVER['HTTP_HOST'] = 'localhost';
define('WP_INSTALLING', true);
require '{folder}/site/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Site', 'ann', 'ann@example.com', false, '', 'secret');
update_option('siteurl', '{url}');
update_option('home', '{url}');
update_option('permalink_structure', '/%postname%/');
switch_theme('plain');
$page = wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Ask',
    'post_content' => '[qa-chat lang="ko" onclick="alert(1)" STYLE="all:unset" address="https://evil.example"]']);
update_option('show_on_front', 'page');
update_option('page_on_front', $page);
$failed = activate_plugin('qa-service.php');
if (is_wp_error($failed)) throw new Exception($failed->get_error_message());
"""
THEME = "<?php wp_head(); while (have_posts()) { the_post(); the_content(); } wp_footer();"


class TestPlugin(LoginHostContract):
    user_id = "1"

    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tapped: Tapped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        folder = tmp_path_factory.mktemp("wordpress")
        lay_out(folder, tapped)
        with database(folder), php_site(folder, {}, located(LOCATIONS, folder, "site")) as url:
            (folder / "install.php").write_text(INSTALL.format(folder=folder, url=url))
            installed = subprocess.run([program("php"), folder / "install.php"], capture_output=True, text=True)
            assert installed.returncode == 0, installed.stdout[-300:] + (folder / "debug.log").read_text()
            yield Host(url, "/qa-service/api", log_in(url), file_field="files[]")

    def test_quotation_marks_arrive_as_they_were_written(self, host: Host, tapped: Tapped) -> None:
        tapped.said.clear()
        with host.ask('"why" isn\'t it?', files={"it's.txt": b"text"}) as asked:
            asked.finish()
        assert b'"why" isn\'t it?' in tapped.said
        assert b'filename="it\'s.txt"' in tapped.said

    def test_shortcode_hands_on_what_is_no_script_and_names_no_other_service(self, host: Host) -> None:
        assert b'<qa-chat lang="ko"></qa-chat>' in fetch(host, "/")


def lay_out(folder: Path, tapped: Tapped) -> None:
    """Put a WordPress with the plugin and a theme into `folder/site`."""
    if not WORDPRESS.exists():
        pytest.skip("WordPress is not installed")
    site = Path(shutil.copytree(WORDPRESS, folder / "site", ignore=shutil.ignore_patterns("languages")))
    theme = site / "wp-content/themes/plain"
    theme.mkdir(parents=True)
    (theme / "style.css").write_text("/* Theme Name: Plain */")
    (theme / "index.php").write_text(THEME)
    shutil.copy(PLUGIN, site / "wp-content/plugins")
    configuration = CONFIGURATION.format(user=getuser(), folder=folder, url=f"{tapped.url}/api", key=KEY)
    (site / "wp-config.php").write_text(configuration)


@contextmanager
def database(folder: Path) -> Iterator[None]:
    """Give an empty database of MariaDB, which this user may write to."""
    data, sign = f"--datadir={folder}/data", f"--socket={folder}/db.sock"
    made = [program("mariadb-install-db"), "--no-defaults", data, "--auth-root-authentication-method=socket"]
    made += [f"--auth-root-socket-user={getuser()}", "--skip-test-db", f"--user={getuser()}"]
    subprocess.run(made, check=True, capture_output=True)
    command = [program("mariadbd"), "--no-defaults", data, sign, "--skip-networking", f"--user={getuser()}"]
    with running(command, cwd=folder, log=folder / "db.log"):
        until((folder / "db.sock").exists, 20, "the database listens")
        subprocess.run([program("mariadb"), "--no-defaults", sign, "-e", "create database wordpress"], check=True)
        yield


def log_in(url: str) -> dict[str, str]:
    """Log in, and return what the browser of the site's only user sends along."""
    host, form = Host(url), {"log": "ann", "pwd": "secret"}
    connection = host.connect()
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/wp-login.php", urlencode(form), sent)
    answer = connection.getresponse()
    connection.close()
    cookies = [cookie.partition(";")[0] for cookie in answer.headers.get_all("Set-Cookie", [])]
    return {"Cookie": "; ".join(cookies)}


def test_the_plugin_passes_on_as_the_file_of_the_php_site_does() -> None:
    there, here = EXAMPLES / "php/qa/index.php", PLUGIN
    proxies = [re.search(r"^/\*\* Passes one.*", file.read_text(), re.DOTALL | re.MULTILINE) for file in (there, here)]
    assert proxies[0]
    assert proxies[1]
    assert proxies[0][0] == proxies[1][0]
