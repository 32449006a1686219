# What sends the requests.
FROM DEBIAN_IMAGE
RUN apt-get update \
    && apt-get install --yes --no-install-recommends wrk \
    && rm -rf /var/lib/apt/lists/*
COPY load.lua /
ENTRYPOINT ["wrk", "--script", "/load.lua", "--threads", "1"]
