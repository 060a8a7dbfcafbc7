# portcompare from this checkout: leader and workers of the load generator.

FROM python:3.11-slim-bookworm AS packages
RUN pip install --no-cache-dir uv==0.13.9 && uv venv /packages
WORKDIR /build
COPY . .
RUN uv pip install --python /packages --constraints requirements.lock --build-constraints requirements.lock \
    --compile-bytecode --no-cache .

FROM python:3.11-slim-bookworm
COPY --from=packages /packages /packages
# What "Measure properly" leaves: a volume takes the owner of the folder that it is mounted on.
RUN install --directory --owner=65532 --group=65532 /app/runs
WORKDIR /app
ENV PATH=/packages/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["python", "-m", "portcompare"]
CMD ["--help"]
