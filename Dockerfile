# The container image, one for every role; what it holds is laid out by the script by which the tests have the same tree without Docker.
FROM --platform=$BUILDPLATFORM node:24.21.0-bookworm-slim AS build
WORKDIR /rejoinder
COPY . .
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --omit=dev
RUN npm run build:run && node scripts/image-root.mjs /image

# What is built above runs on any processor; Node is that of the processor which the image is for. No shell of it is needed once it runs.
FROM node:24.21.0-bookworm-slim
COPY --from=build /image/app /app
# A volume that is mounted here first is the user's own: for the key file, or for the data of `rejoinder all`.
COPY --from=build --chown=10001:10001 /image/var/lib/rejoinder /var/lib/rejoinder
USER 10001:10001
WORKDIR /app
# HTTP of the gateway, gRPC, health, mail for logging addresses: where the chart lets them listen.
EXPOSE 7420 7430 7440 2525
# The flags are those of `npm start`.
ENTRYPOINT ["node", "--max-semi-space-size=8", "--heap-growing-percent=50", "/app/services/rejoinder/bin/rejoinder.js"]
CMD ["--help"]
