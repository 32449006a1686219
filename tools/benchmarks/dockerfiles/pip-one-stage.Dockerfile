# The Dockerfile of most tutorials: one stage, with pip's cache mounted.

FROM PYTHON_IMAGE
ENV PYTHONUNBUFFERED=1
WORKDIR /app
COPY requirements/production.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --require-hashes --requirement requirements/production.txt
COPY . .
RUN useradd --system --uid 999 app
USER app
ENV PYTHONPATH=/app/src
CMD ["uvicorn", "harbour_api.app:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--no-server-header"]
