# The app for Nextcloud, on any processor that Debian's Python image is there for:
#   docker buildx build --platform linux/amd64,linux/arm64 -t REGISTRY/live_transcription:VERSION --push .
# It carries its own way in through HaRP (frpc) and listens to calls as a user without rights.

FROM python:3.12-slim-bookworm AS build
COPY --from=ghcr.io/astral-sh/uv:0.13.8 /uv /usr/local/bin/
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY transcriber transcriber
COPY hpb hpb
COPY webhooks webhooks
COPY dialogs dialogs
COPY modal_app modal_app
# Only what runs, at the locked versions, each file checked by its hash.
RUN uv venv -q /opt/transcriber && uv pip install -q --python /opt/transcriber --compile-bytecode \
      --constraints requirements.lock ".[embedded,denoise,postgres,nats,otel]"

FROM python:3.12-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends curl libopus0 && rm -rf /var/lib/apt/lists/*
# Nextcloud mounts a volume there, which takes over who owns the folder.
RUN useradd --create-home transcriber \
 && install -d -o transcriber /nc_app_live_transcription_data
COPY --from=fatedier/frpc:v0.61.1 /usr/bin/frpc /usr/local/bin/
COPY --from=build /opt/transcriber /opt/transcriber
USER transcriber
# Nextcloud calls a port of its own choice; our API gets any free one, unless it is wanted.
ENV PATH=/opt/transcriber/bin:$PATH PYTHONUNBUFFERED=1 HTTP_PORT=0 LOG_FORMAT=json \
    LOCAL_MODEL_FOLDER=/nc_app_live_transcription_data/models
HEALTHCHECK --interval=20s --timeout=5s --start-period=60s CMD curl -fsS -m 4 -o /dev/null \
    ${HP_SHARED_KEY:+--unix-socket ${HP_EXAPP_SOCK:-/tmp/exapp.sock}} \
    "http://${APP_HOST:-127.0.0.1}:${APP_PORT:-23000}/heartbeat"
ENTRYPOINT ["transcriber"]
CMD ["serve"]
