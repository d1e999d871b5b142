<?php
// This stands for the login that a site has already.

// Tell who sends the request: a user's id, or nothing for a visitor. The session is closed again at once, because
// another request of the same visitor would wait for it until the answer is over.
function current_user_id(): ?string
{
    session_start(['read_and_close' => true]);
    return $_SESSION['user'] ?? null;
}
