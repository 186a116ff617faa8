# Training on NVIDIA GPUs, from the wheel of this checkout. Never built where this was written: docs/gpus.md.
#
#   docker build -f containers/train-gpu.Dockerfile -t ecgan_tf:gpu .
#   docker run --rm --gpus=all ecgan_tf:gpu doctor --gpu
#   docker run --rm --gpus=all --shm-size=1g --stop-timeout=120 -v "$PWD/runs:/runs" -v "$PWD/CAMVID:/data:ro" \
#       ecgan_tf:gpu train --config=ecgan_camvid --workdir=/runs/camvid --config.data.dir=/data
#
# The host needs NVIDIA's driver and its container toolkit; CUDA's libraries come with TensorFlow's packages. /runs must
# be writable for user 1000, or give --user. `docker stop` saves before it ends the training.
FROM python:3.11-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir=/wheels .

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir "$(echo /wheels/*.whl)[gpu,export,perceptual]" \
    && useradd --uid=1000 --create-home ecgan \
    && install --directory --owner=ecgan /runs
USER 1000
WORKDIR /runs
# A container may lose its GPUs while it runs, as when the host's systemd is reloaded, or its disk.
HEALTHCHECK --interval=60s --timeout=30s --start-period=60s --retries=3 CMD ["sh", "-c", "nvidia-smi -L && test -w /runs"]
ENTRYPOINT ["ecgan"]
CMD ["doctor"]
