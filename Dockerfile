# cgbot in a container: one process, one user without rights, its state in /var/lib/cgbot and the database.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements/build.txt requirements/run.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && pip wheel --no-cache-dir --require-hashes --no-build-isolation -r requirements/run.txt -w /wheels
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY templates templates
COPY cgbot cgbot
RUN pip wheel --no-deps --no-build-isolation -w /wheels . \
 && python -m venv /opt/cgbot \
 && /opt/cgbot/bin/pip install --no-cache-dir --no-index --no-deps /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/cgbot --create-home --shell /usr/sbin/nologin cgbot \
 && chmod 700 /var/lib/cgbot
COPY --from=build /opt/cgbot /opt/cgbot
ENV PATH=/opt/cgbot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CGBOT__SERVICE__DATA_DIR=/var/lib/cgbot \
    CGBOT__SMTP__HOST=0.0.0.0 \
    CGBOT__LMTP__HOST=0.0.0.0 \
    CGBOT__WEB__HOST=0.0.0.0
USER cgbot
WORKDIR /var/lib/cgbot
VOLUME /var/lib/cgbot
EXPOSE 8024 8025 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["cgbot"]
CMD ["serve"]
