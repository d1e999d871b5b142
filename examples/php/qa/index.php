<?php
// Everything below qa/index.php/api goes on to qa-service from here, in the name of the site's own user. This needs PHP
// 7.4 or newer with its extension curl. The file .user.ini belongs to it: without it PHP takes 2 MiB a file.

require __DIR__ . '/../login.php';

$proxy = new QaServiceProxy(getenv('QA_URL') ?: 'http://127.0.0.1:8000/api', getenv('QA_KEY') ?: '', $_SERVER, $_POST);
$proxy->passOn(current_user_id());

/** Passes one request on to qa-service, and its answer back while it is written. */
final class QaServiceProxy
{
    // What isn't listed stays here: the site's cookies, and whatever a browser says of who it is.
    private const SENT = ['Accept', 'Accept-Language', 'Content-Type', 'Idempotency-Key', 'If-None-Match',
        'Last-Event-Id', 'X-Session-Id'];
    private const RETURNED = ['allow', 'cache-control', 'content-disposition', 'content-security-policy', 'content-type',
        'etag', 'referrer-policy', 'retry-after', 'vary', 'x-accel-buffering', 'x-answer-id', 'x-content-type-options',
        'x-request-id', 'x-session-id', 'x-vercel-ai-data-stream', 'x-vercel-ai-ui-message-stream'];
    // Tokens and figures are for the site's own server: a token outlives the login that it was made for, and the
    // figures are of everybody. A path that leads upwards (".."), or has two slashes in a row, is none of the service's. Curl
    // would send only what stands before a "#".
    private const KEPT = '~^[^/]|/\.{0,2}/|/\.{1,2}$|[\\\\#]|/(tokens|metrics)/*$~';
    private const WORDS = [
        'not_found' => ['There is nothing here.', '여기에는 아무것도 없어요.'],
        'forbidden_origin' => ['This request comes from another site.', '다른 사이트에서 온 요청이에요.'],
        'too_large' => ['The files are larger than this site takes.', '이 사이트가 받을 수 있는 것보다 파일이 커요.'],
        'upstream_unavailable' => ['The answers can\'t be reached. Please try again in a moment.',
            '답변 서비스에 연결할 수 없어요. 잠시 뒤에 다시 시도해 주세요.'],
    ];

    private string $service;
    private string $key;
    private array $server;
    private array $form;
    private string $prefix;
    private string $path;
    private int $status = 0;

    /** The last two are $_SERVER and $_POST as PHP made them. */
    public function __construct(string $service, string $key, array $server, array $form)
    {
        [$this->service, $this->key, $this->server, $this->form] = [$service, $key, $server, $form];
        // What stands in front of /api is the prefix, below which browsers find the service.
        [$address] = explode('?', $server['REQUEST_URI'], 2);
        [$this->prefix, $this->path] = explode('/api/', $address, 2) + [1 => '/'];
    }

    /** Pass the request on for a user, or for a visitor who isn't logged in: the service decides whether that one may ask. */
    public function passOn(?string $user): void
    {
        if (preg_match(self::KEPT, rawurldecode("/$this->path"))) {
            $this->refuse(404, 'not_found');
        } elseif ($this->isForeign()) {
            $this->refuse(403, 'forbidden_origin');
        } elseif ($this->wasCut()) {
            $this->refuse(413, 'too_large');
        } elseif (!$this->exchange($user) && !$this->status) {
            $this->refuse(502, 'upstream_unavailable');
        }
    }

    // A page of any other site can make a browser send a request, and the browser adds this site's cookies.
    private function isForeign(): bool
    {
        $reads = in_array($this->server['REQUEST_METHOD'], ['GET', 'HEAD'], true);
        if ($reads && !preg_match('#^(ask|images|probe)/*$#', rawurldecode($this->path))) {
            return false;
        }
        if (isset($this->server['HTTP_SEC_FETCH_SITE'])) {
            return !in_array($this->server['HTTP_SEC_FETCH_SITE'], ['same-origin', 'none'], true);
        }
        if (isset($this->server['HTTP_ORIGIN'])) {
            // Some servers tell PHP the host without its port.
            $host = parse_url("http://{$this->server['HTTP_HOST']}", PHP_URL_HOST);
            return parse_url($this->server['HTTP_ORIGIN'], PHP_URL_HOST) !== $host;
        }
        return $reads; // Browsers that send neither header would send one of them with anything else.
    }

    // PHP drops what is larger than post_max_size or upload_max_filesize, and goes on without it.
    private function wasCut(): bool
    {
        $errors = array_merge(...array_map(fn($file) => (array) $file['error'], array_values($_FILES)));
        $isLarge = array_intersect($errors, [UPLOAD_ERR_INI_SIZE, UPLOAD_ERR_FORM_SIZE]);
        return $isLarge || ($this->isParsed() && !$this->form && !$_FILES);
    }

    private function isParsed(): bool
    {
        $type = $this->server['CONTENT_TYPE'] ?? '';
        return ini_get('enable_post_data_reading') && stripos($type, 'multipart/form-data') === 0;
    }

    private function exchange(?string $user): bool
    {
        ignore_user_abort(true); // The write function notices who hangs up, and closes the way to the service.
        set_time_limit(0);
        ini_set('zlib.output_compression', '0');
        while (ob_get_level()) {
            ob_end_clean();
        }
        $query = ($this->server['QUERY_STRING'] ?? '') === '' ? '' : '?' . $this->server['QUERY_STRING'];
        $way = curl_init("$this->service/$this->path$query");
        curl_setopt_array($way, $this->body() + [
            CURLOPT_CUSTOMREQUEST => $this->server['REQUEST_METHOD'],
            CURLOPT_NOBODY => $this->server['REQUEST_METHOD'] === 'HEAD',
            CURLOPT_HTTPHEADER => array_merge($this->sent(), $this->identity($user), ['Expect:']),
            CURLOPT_CONNECTTIMEOUT => 5,
            CURLOPT_HEADERFUNCTION => fn($way, $line) => $this->takeHeader($line),
            CURLOPT_WRITEFUNCTION => fn($way, $piece) => $this->takePiece($piece),
        ]);
        $done = curl_exec($way);
        if (!$done && !$this->status) {
            error_log('qa-service can\'t be reached: ' . curl_error($way));
        }
        return $done;
    }

    // The body is sent while it is read. Where PHP has taken a form apart already, it is put together again: its files
    // are read from where PHP keeps them, and of several with one name PHP has kept the last, unless the name ends in [].
    private function body(): array
    {
        if ($this->isParsed()) {
            return [CURLOPT_POSTFIELDS => $this->fields($this->form) + $this->files()];
        }
        $length = (int) ($this->server['CONTENT_LENGTH'] ?? 0);
        $input = [CURLOPT_UPLOAD => true, CURLOPT_INFILE => fopen('php://input', 'rb'), CURLOPT_INFILESIZE => $length];
        return $length ? $input : [];
    }

    private function fields(array $form): array
    {
        $fields = [];
        foreach ($form as $name => $value) {
            foreach ((array) $value as $n => $text) {
                $fields[is_array($value) ? "{$name}[$n]" : $name] = $text;
            }
        }
        return $fields;
    }

    private function files(): array
    {
        $files = [];
        foreach ($_FILES as $field => $file) {
            foreach ((array) $file['tmp_name'] as $n => $path) {
                [$type, $name, $error] = array_map(fn($of) => ((array) $file[$of])[$n], ['type', 'name', 'error']);
                if ($error !== UPLOAD_ERR_NO_FILE) {
                    $files["{$field}[$n]"] = new CURLFile($path, $type, $name);
                }
            }
        }
        return $files;
    }

    private function sent(): array
    {
        $headers = [];
        foreach (self::SENT as $name) {
            $key = str_replace('-', '_', strtoupper($name));
            $value = $this->server["HTTP_$key"] ?? $this->server[$key] ?? null;
            if ($value !== null && !($name === 'Content-Type' && $this->isParsed())) {
                $headers[] = "$name: $value";
            }
        }
        return $headers;
    }

    private function identity(?string $user): array
    {
        $known = ["Authorization: Bearer $this->key", 'X-User-Id: ' . rawurlencode((string) $user)];
        $where = ["X-Forwarded-For: {$this->server['REMOTE_ADDR']}", "X-Forwarded-Prefix: $this->prefix"];
        return array_merge($where, (string) $user === '' ? [] : $known);
    }

    private function takeHeader(string $line): int
    {
        if (preg_match('#^HTTP/\S+ (\d+)#', $line, $found)) {
            $this->status = (int) $found[1];
            http_response_code($this->status);
            header_remove('X-Powered-By');
        } elseif (in_array(strtolower(explode(':', $line, 2)[0]), self::RETURNED, true)) {
            header(trim($line));
        }
        return strlen($line);
    }

    private function takePiece(string $piece): int
    {
        echo $piece;
        flush();
        return connection_aborted() ? 0 : strlen($piece);
    }

    // The service's own refusals have this form, too.
    private function refuse(int $status, string $code): void
    {
        [$english, $korean] = self::WORDS[$code];
        $isKorean = strpos($this->server['HTTP_ACCEPT_LANGUAGE'] ?? '', 'ko') === 0;
        http_response_code($status);
        header('Content-Type: application/problem+json');
        echo json_encode(['type' => 'about:blank', 'status' => $status, 'code' => $code, 'detail' => $english,
            'message' => $english, 'userMessage' => $isKorean ? $korean : $english, 'retryable' => $status === 502]);
    }
}
