<?php
// This is an existing site, with a login and a page of its own, in which people can ask. It lets in whoever gives a name,
// since it is only an example.

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    session_start(['cookie_httponly' => true, 'cookie_samesite' => 'Lax']);
    session_regenerate_id(true);
    $_SESSION['user'] = $_POST['user'];
    header('Location: /', true, 303);
    exit;
}
?>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A site with answers</title>
<form method="post"><input name="user" aria-label="Name"><button>Log in</button></form>
<script type="module" src="/qa/index.php/api/chat.js"></script>
<qa-chat></qa-chat>
</html>
