# syntax=docker/dockerfile:1
# cdrscope over a ClickHouse server of its own (clickhouse.url): the embedded engine is not in the image.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY src ./src
COPY schema ./schema
COPY web/dist ./web/dist
# Named by `cdrscope --version`: docker build --build-arg SOURCE_COMMIT=$(git rev-parse HEAD)
ARG SOURCE_COMMIT
# The caches stay with the builder; what was built is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/cdrscope /cdrscope

# glibc and the certificates of public authorities, no shell and no packages besides.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /cdrscope /usr/local/bin/cdrscope
ENV CDRSCOPE_HTTP_LISTEN=0.0.0.0:8080
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/cdrscope", "health"]
ENTRYPOINT ["/usr/local/bin/cdrscope"]
CMD ["serve"]
