FROM python:3.14-slim-trixie AS build
WORKDIR /build
COPY requirements/production.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --require-hashes --wheel-dir /wheels --requirement requirements/production.txt

FROM python:3.14-slim-trixie
WORKDIR /app
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --no-deps /wheels/*.whl
COPY . .
ENV PYTHONPATH=/app/src
USER 10001
CMD ["uvicorn", "harbour_api.app:create_app", "--factory", "--host", "0.0.0.0", "--no-access-log"]
