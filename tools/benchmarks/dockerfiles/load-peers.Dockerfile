# The peers and the floor beside our service: its locked production dependencies, and theirs.
FROM UV_IMAGE AS uv

FROM PYTHON_IMAGE
COPY --from=OUR_IMAGE /opt/venv /opt/venv
RUN --mount=type=bind,from=uv,source=/uv,target=/usr/local/bin/uv \
    --mount=type=cache,target=/root/.cache/uv \
    UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy uv pip install --python /opt/venv PACKAGES
ENV HOME=/tmp \
    PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1
WORKDIR /srv
COPY *.py ./
RUN python -m compileall -q .
USER 10001:10001
