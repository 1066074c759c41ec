# The environment of every node: docker build --tag REGISTRY/difffas-factory:0.3.0 .
# On GPUs it needs the NVIDIA container runtime on the host; CUDA's libraries come with PyTorch.
FROM python:3.11-slim-bookworm

ARG RAY_VERSION=2.60.0

# What KubeRay's own probes and start script call, what OpenCV and PyAV link to, and what resources.compile compiles with
# (Inductor wants g++, Triton gcc; Python's headers are in the base image).
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends wget procps g++ libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

# 1000 and 100 are the user and group of Ray's own images, which KubeRay's examples expect of volumes.
RUN useradd --create-home --uid 1000 --gid 100 ray

WORKDIR /opt/difffas
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY difffas ./difffas
COPY factory ./factory
COPY jobs ./jobs
# hadolint ignore=DL3013
RUN pip install --no-cache-dir ".[s3,faces,datasets]" "ray[data,default,train,tune]==${RAY_VERSION}"

# docker build --build-arg COMMIT=$(git rev-parse HEAD): every run.json says it.
ARG COMMIT=""
ENV DIFFFAS_COMMIT=${COMMIT}

ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PYTHONUNBUFFERED=1

USER 1000
WORKDIR /home/ray
CMD ["difffas", "--help"]
