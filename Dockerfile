# One image for serve, worker and migrate: what runs is the command.
FROM python:3.13-slim AS build
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

FROM python:3.13-slim
RUN useradd --system --uid 10001 --user-group --create-home unbind
COPY --from=build /opt/unbind-broker /opt/unbind-broker
ENV PATH=/opt/unbind-broker/bin:$PATH \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /home/unbind
ENTRYPOINT ["unbind-broker"]
