# The image of lead-webhooks: a stage that installs, and a distroless one that runs. No shell, no npm, no development package; a numeric
# user; nothing is written, so the root file system may be read-only. There is nothing to compile: Node 24 runs the TypeScript as it is.
#
# The base images are arguments: give your own that have the same layout, or pin these. The defaults are tags, which move: enough for a try, not
# for a release. A release looks up what each tag is today, keeps the two answers, and builds with them:
#
#   docker buildx imagetools inspect node:24-trixie-slim --format '{{.Manifest.Digest}}'
#   docker buildx imagetools inspect gcr.io/distroless/nodejs24-debian13:nonroot --format '{{.Manifest.Digest}}'
#   docker build --build-arg BUILD_IMAGE=node:24-trixie-slim@sha256:… \
#     --build-arg RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot@sha256:… --tag lead-webhooks:0.1.0 .
#
# SOURCE_DATE_EPOCH gives every file a fixed time, so that the same sources make the same layers.
ARG BUILD_IMAGE=docker.io/library/node:24-trixie-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

FROM ${BUILD_IMAGE} AS build
# The whole folder is copied later, so that /app itself gets its owner and time from here.
WORKDIR /image/app
COPY package.json package-lock.json .npmrc ./
# The compression codecs bring their binaries as packages: no install script has to run.
RUN --mount=type=cache,target=/var/cache/npm npm ci --cache /var/cache/npm --omit=dev --ignore-scripts --no-audit \
 && rm -f package-lock.json .npmrc node_modules/.package-lock.json
COPY schemas ./schemas
COPY src ./src
ARG SOURCE_DATE_EPOCH=0
RUN chmod -R u=rwX,go=rX /image && find /image -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

FROM ${RUNTIME_IMAGE}
COPY --from=build /image /
WORKDIR /app
ENV NODE_ENV=production \
    LEAD_WEBHOOKS_ADMIN_HOST=0.0.0.0
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/nodejs/bin/node", "src/bin/lead-webhooks.ts"]
CMD ["run"]
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
# Of the arguments before the first FROM, a stage sees only those that it names.
ARG RUNTIME_IMAGE
LABEL org.opencontainers.image.base.name="${RUNTIME_IMAGE}" \
      org.opencontainers.image.title="lead-webhooks" \
      org.opencontainers.image.description="Joins change streams of leads, appointments and test drives and delivers the documented webhooks." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
