# The service by itself; docker-compose.yml puts a store beside it and nginx in front.
FROM python:3.12-slim@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea

RUN useradd --system --create-home --home-dir /var/lib/qa-service qa

WORKDIR /srv/qa-service
COPY pyproject.toml requirements.lock README.md LICENSE gunicorn.conf.py hatch_build.py wsgi.py ./
COPY qa_service ./qa_service
COPY clients/js/src ./clients/js/src
COPY docs ./docs
# The modules are compiled here, because the service may not write here, and each of its processes would compile them.
RUN pip install --no-cache-dir --root-user-action ignore --require-hashes --requirement requirements.lock \
    && pip install --no-cache-dir --root-user-action ignore --no-deps --no-build-isolation --editable . \
    && python -m compileall -q qa_service wsgi.py

# Listening on all of the container's addresses, it starts only with QA_API_KEYS, or QA_ALLOW_ANONYMOUS=on.
# Nothing is written but in the data folder and in /tmp, so that the rest may be mounted read-only.
ENV HOST=0.0.0.0 PORT=8000 QA_DATA=/var/lib/qa-service PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
VOLUME /var/lib/qa-service
EXPOSE 8000
USER qa

HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import os, urllib.request as r; e = os.environ.get; r.urlopen(f\"http://127.0.0.1:{e('PORT')}{e('QA_PREFIX') or '/api'}/healthz\", timeout=4)"]

CMD ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
