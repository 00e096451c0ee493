# The service and its worker; production packages only, each with its digest.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock requirements.serve.lock ./
RUN python -m venv /build && /build/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
RUN python -m venv /opt/lotkin && /opt/lotkin/bin/pip install --no-cache-dir --require-hashes -r requirements.serve.lock
COPY . .
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/lotkin/bin/pip install --no-cache-dir --no-deps /wheel/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/lotkin --create-home lotkin
COPY --from=build /opt/lotkin /opt/lotkin
ENV PATH=/opt/lotkin/bin:$PATH LOTKIN_HOST=0.0.0.0 LOTKIN_STATE_DIR=/var/lib/lotkin PYTHONDONTWRITEBYTECODE=1
USER lotkin
WORKDIR /var/lib/lotkin
EXPOSE 8000
ENTRYPOINT ["lotkin"]
CMD ["serve"]
