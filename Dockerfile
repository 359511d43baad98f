# Built and run without network but the registry; .ci/container-steps.ts runs these same steps without an engine.

# 1. The sources become dist/, with everything that takes.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY plugins plugins
COPY routes routes
COPY web web
RUN npm run build

# 2. What production needs of node_modules. Of googleapis' 240 MB guichet loads a file a service; nothing reads maps and types.
FROM node:24-slim AS production
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
RUN find node_modules/googleapis -type f ! -path '*/build/src/apis/gmail/v1.js' ! -path '*/build/src/apis/calendar/v3.js' ! -path '*/googleapis/package.json' -delete && find node_modules/googleapis -type d -empty -delete
RUN find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete

# 3. The two together, and nothing else.
FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY package.json ./
COPY --from=production /app/node_modules node_modules
COPY --from=build /app/dist dist
RUN mkdir -m 777 dist/.compile-cache
USER node
# What V8 compiles is part of the image: a start without it takes a sixth longer. V8 keeps it by user, and so that user makes it.
# With the flags of the last line: code that was compiled under others is not used.
RUN node --min-semi-space-size=8 --max-semi-space-size=8 --heap-growing-percent=30 dist/src/startup/warm-up.js
USER root
# From here on it is read alone: code that a process could write there would be run by the next.
RUN chown -R root:root dist/.compile-cache && chmod -R a+rX,a-w dist/.compile-cache
# The image's own unprivileged user; guichet needs to write no file, so the root file system may be read-only.
USER node
EXPOSE 3000
# Is the process alive? Whether it may get requests is /readyz, for the load balancer to ask.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The exec form: SIGTERM reaches the process, which drains and ends by itself.
# As in `npm start`: paths as they are, for npm makes no links to look behind. V8's space for new objects: 8 MiB from the start, where the default grows to 16.
# What is old is collected each time it has grown by 30 %: V8 would let it grow to four times what is in use.
CMD ["node", "--preserve-symlinks", "--min-semi-space-size=8", "--max-semi-space-size=8", "--heap-growing-percent=30", "dist/src/server.js"]
