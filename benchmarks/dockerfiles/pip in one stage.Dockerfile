FROM python:3.14-slim-trixie
WORKDIR /app
COPY requirements/production.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --require-hashes --requirement requirements/production.txt
COPY . .
ENV PYTHONPATH=/app/src
USER 10001
CMD ["uvicorn", "harbour_api.app:create_app", "--factory", "--host", "0.0.0.0", "--no-access-log"]
