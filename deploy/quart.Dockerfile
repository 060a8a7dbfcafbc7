# The Quart twin on uvicorn, with the settings that `portcompare run` gives it.

FROM python:3.11-slim-bookworm AS packages
RUN pip install --no-cache-dir uv==0.13.9 && uv venv /packages
WORKDIR /build
COPY requirements.lock .
RUN uv pip install --python /packages --constraints requirements.lock --compile-bytecode --no-cache \
    cachetools httptools httpx quart uvicorn uvloop

FROM python:3.11-slim-bookworm
COPY --from=packages /packages /packages
COPY async_quart /app/async_quart
WORKDIR /app
ENV PATH=/packages/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 8000
# Often until it is ready, then seldom: a check takes CPU time from what is measured.
HEALTHCHECK --start-period=30s --start-interval=1s --interval=60s --timeout=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz')"]
CMD ["python", "-m", "uvicorn", "--host", "0.0.0.0", "--port", "8000", "--workers", "1", "--loop", "uvloop", \
    "--http", "httptools", "--backlog", "2048", "--timeout-keep-alive", "75", \
    "--timeout-graceful-shutdown", "1", "--no-access-log", "async_quart.app:app"]
