# One image for serve, worker and migrate: what runs is the command. It writes nothing
# but temporary files, so it runs with a read-only root and a tmpfs at /tmp.
# Tags are pinned to a release; pin digests too where images must not change unseen.
FROM python:3.13-slim-trixie AS build
WORKDIR /build
COPY requirements.txt requirements-build.txt ./
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.txt \
    && python -m venv /opt/unbind-broker \
    && /opt/unbind-broker/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY docs docs
COPY src src
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/unbind-broker/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin unbind
COPY --from=build /opt/unbind-broker /opt/unbind-broker
ENV PATH=/opt/unbind-broker/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /opt/unbind-broker
# serve and worker answer here when they are started with --port 8000, as compose.yaml
# does; migrate ends before it is asked.
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
ENTRYPOINT ["unbind-broker"]
