# Training, synthesis and export on CPUs, from the wheel of this checkout. Never built where this was written: docs/gpus.md.
#
#   docker build -f containers/train-cpu.Dockerfile -t ecgan_tf:cpu .
#   docker run --rm --stop-timeout=120 -v "$PWD/runs:/runs" \
#       ecgan_tf:cpu train --config=ecgan_earth_tiles --workdir=/runs/earth
#
# /runs must be writable for user 1000, or give --user. `docker stop` saves before it ends the training.
FROM python:3.11-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir=/wheels .

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir "$(echo /wheels/*.whl)[export,perceptual]" \
    && useradd --uid=1000 --create-home ecgan \
    && install --directory --owner=ecgan /runs
USER 1000
WORKDIR /runs
HEALTHCHECK --interval=60s --timeout=30s --retries=3 CMD ["test", "-w", "/runs"]
ENTRYPOINT ["ecgan"]
CMD ["doctor"]
