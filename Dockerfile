# Build: sources and development tools stay in this stage.
FROM node:24-bookworm AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY proto proto
RUN npx tsc -p tsconfig.build.json
RUN npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="Stele" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /opt/yarn* \
 && mkdir -p /var/lib/stele && chown 3322:3322 /var/lib/stele && chmod 0777 /var/lib/stele
WORKDIR /opt/stele
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist/src dist/src
ENV NODE_ENV=production STELE_DIR=/var/lib/stele STELE_ADDRESS=0.0.0.0
USER 3322:3322
VOLUME /var/lib/stele
EXPOSE 3322 9497
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["node", "/opt/stele/dist/src/cli/stele.js", "healthcheck"]
ENTRYPOINT ["node", "/opt/stele/dist/src/cli/stele.js"]
