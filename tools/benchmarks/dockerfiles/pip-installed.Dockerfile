# Nothing but the locked dependencies and the application, with their bytecode: a yardstick.

FROM PYTHON_IMAGE AS build
COPY . /installed/app
WORKDIR /installed/app
RUN pip install --target /installed --require-hashes --requirement requirements/production.txt \
    && rm -r requirements \
    && python -m compileall -q .

FROM scratch
COPY --from=build /installed /
