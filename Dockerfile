# syntax=docker/dockerfile:1
#
#   docker build -t hoist .
#   docker run --rm -p 127.0.0.1:8080:8080 -e HOIST_CI_SECRET=… hoist
#
# Two stages: the compiler stays behind. Debian's slim image rather than a distroless one, because its
# bash can ask /healthz by itself: nothing is installed for the health check.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches outlive a build, so that a changed line of ours does not build OpenSSL again; they are no
# layer of the image, hence the copy.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin hoist \
    && install -D target/release/hoist /out/hoist

FROM debian:bookworm-slim
# Who answers for a forge's certificate. Git and OpenSSL are inside the binary.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 10001 -g 10001 /var/lib/hoist
COPY --from=build /out/hoist /usr/local/bin/hoist
# A configuration to try it with, on the builtin forge; mount your own over it.
COPY deploy/config/ /etc/hoist/

# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
ENV HOME=/var/lib/hoist
WORKDIR /var/lib/hoist
VOLUME /var/lib/hoist
EXPOSE 8080

# Whether the process answers, not whether it is ready: a remote that is down must not restart it.
# bash's own /dev/tcp asks; HOIST_PORT is for a `listen:` of another port.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${HOIST_PORT:-8080} && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r -t 4 _ status _ <&3 && [ \"$status\" = 200 ]"]

ENTRYPOINT ["hoist"]
CMD ["serve", "--config", "/etc/hoist/hoist.yaml"]
