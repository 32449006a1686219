# Wheels are built in one stage and installed in the other, from where they are mounted.

FROM PYTHON_IMAGE AS build
COPY requirements/production.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --require-hashes --wheel-dir /wheels --requirement requirements/production.txt

FROM PYTHON_IMAGE
ENV PYTHONUNBUFFERED=1
WORKDIR /app
COPY requirements/production.txt requirements/
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels \
    --require-hashes --requirement requirements/production.txt
COPY . .
RUN useradd --system --uid 999 app
USER app
ENV PYTHONPATH=/app/src
CMD ["uvicorn", "harbour_api.app:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--no-server-header"]
