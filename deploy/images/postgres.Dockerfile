# Airflow's metadata database, from the base image of all images. Its context is the repository.
ARG BASE_IMAGE=python:3.11.14-slim-trixie

FROM ${BASE_IMAGE}
# the user first, so that the files of a volume keep their owner when the image is rebuilt
RUN useradd --uid 10002 --home-dir /var/lib/postgresql postgres \
    && apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-common \
    && sed --in-place 's/^#create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install --yes --no-install-recommends postgresql-17 \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=postgres --mode=0700 /var/lib/postgresql
ENV PATH=/usr/lib/postgresql/17/bin:$PATH \
    PGDATA=/var/lib/postgresql/data
COPY deploy/images/postgres-entrypoint.sh /opt/wine/
USER postgres
WORKDIR /var/lib/postgresql
# roll back open transactions, and do not wait for clients
STOPSIGNAL SIGINT
ENTRYPOINT ["/opt/wine/postgres-entrypoint.sh"]
