# One image for all processes: web, worker, beat and the one-shot migration (docker-compose.yml).

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/
RUN /opt/venv/bin/pip install --require-hashes -r /tmp/requirements.txt

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DEMO=false \
    HOST=0.0.0.0 \
    VAR_DIR=/srv/var \
    MEDIA_ROOT=/srv/media \
    STATIC_ROOT=/srv/static
RUN groupadd --system --gid 10001 crm \
 && useradd --system --uid 10001 --gid crm --home-dir /srv/app --shell /usr/sbin/nologin crm \
 && install --directory --owner=crm --group=crm /srv/var /srv/media
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/app
COPY . .
# The code stays root's, so the processes cannot change it. The demo's settings need no secret and no server,
# which is all that compiling and collecting ask for; nothing of them stays in the image.
RUN python -m compileall -q . \
 && DEMO=true VAR_DIR=/tmp/build python manage.py compile_translations \
 && DEMO=true VAR_DIR=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
 && rm -rf /tmp/build
USER crm
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s --retries=4 \
    CMD ["python", "scripts/healthcheck.py"]
CMD ["granian", "--interface", "wsgi", "--no-ws", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "2", "--respawn-failed-workers", "--workers-kill-timeout", "10", "crm.wsgi:application"]
