# uv's documentation: two stages, an intermediate layer for the dependencies, bytecode.

FROM UV_IMAGE AS uv

FROM PYTHON_IMAGE AS build
COPY --from=uv /uv /bin/
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=0
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    uv sync --locked --no-install-project --no-default-groups --group production
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-default-groups --group production

FROM PYTHON_IMAGE
RUN groupadd --system --gid 999 app && useradd --system --uid 999 --gid 999 app
COPY --from=build --chown=app:app /app /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONPATH=/app/src
USER app
WORKDIR /app
CMD ["uvicorn", "harbour_api.app:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--no-server-header"]
