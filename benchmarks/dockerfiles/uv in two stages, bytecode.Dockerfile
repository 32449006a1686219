FROM python:3.14-slim-trixie AS build
COPY --from=ghcr.io/astral-sh/uv:0.13.8 /uv /bin/
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy uv sync --locked --no-default-groups --group production --no-install-project
COPY . .

FROM python:3.14-slim-trixie
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app/src
USER 10001
CMD ["uvicorn", "harbour_api.app:create_app", "--factory", "--host", "0.0.0.0", "--no-access-log"]
