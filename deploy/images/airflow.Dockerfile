# Every component of Airflow in docker-compose; the DAGs and plugins are mounted. Its context is the repository.
ARG BASE_IMAGE=python:3.11.14-slim-trixie

FROM ${BASE_IMAGE}
RUN python -m venv /opt/venv
# uv downloads and compiles in parallel
COPY pipeline/requirements-installer.txt /build/installer.txt
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --compile --require-hashes --requirement /build/installer.txt
# the base image's certificate authorities
ENV UV_SYSTEM_CERTS=1
COPY deploy/composer/airflow-requirements.txt /build/requirements.txt
RUN /opt/venv/bin/uv pip install --python /opt/venv --no-cache --no-deps --compile-bytecode --require-hashes --requirement /build/requirements.txt
RUN useradd --uid 10001 --create-home airflow \
    && mkdir --parents /opt/airflow/logs \
    && chown --recursive airflow:airflow /opt/airflow
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/wine/airflow_settings \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow
COPY dev/airflow_settings /opt/wine/airflow_settings
COPY deploy/images/airflow-entrypoint.sh deploy/images/airflow_health.py /opt/wine/
RUN python -m compileall -q /opt/wine
USER airflow
WORKDIR /opt/airflow
ENTRYPOINT ["/opt/wine/airflow-entrypoint.sh"]
