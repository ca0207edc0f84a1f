# syntax=docker/dockerfile:1
# The image holds one static binary and CA certificates; it runs as nobody.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/redundancy ./cmd/redundancy \
 && install -d -o 65534 -g 65534 -m 0700 /out/data \
 && install -d -m 1777 /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/redundancy /usr/local/bin/redundancy
COPY --from=build --chown=65534:65534 /out/data /var/lib/redundancy
COPY --from=build /out/tmp /tmp
USER 65534:65534
# Reachable from outside the container, which needs REDUNDANCY_API_TOKEN (or
# sign-in with GitHub): without either the server refuses to start.
ENV REDUNDANCY_DATA_DIR=/var/lib/redundancy REDUNDANCY_LISTEN=0.0.0.0:8080
VOLUME /var/lib/redundancy
EXPOSE 8080
# `health --live` asks the server in this container; scratch has no curl.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/local/bin/redundancy", "health", "--live"]
ENTRYPOINT ["/usr/local/bin/redundancy"]
CMD ["serve"]
