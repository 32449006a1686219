# Nothing but the locked dependencies and the application, with their bytecode: a yardstick.

FROM UV_IMAGE AS uv

FROM PYTHON_IMAGE AS build
COPY --from=uv /uv /bin/
COPY . /installed/app
WORKDIR /installed/app
RUN uv export --quiet --locked --no-default-groups --group production --output-file /production.txt \
    && uv pip install --compile-bytecode --target /installed --requirement /production.txt \
    && rm -r pyproject.toml uv.lock \
    && python -m compileall -q .

FROM scratch
COPY --from=build /installed /
