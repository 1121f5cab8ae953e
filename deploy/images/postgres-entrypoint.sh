#!/bin/sh
# Creates the database atomically at the first start, then executes the server.
set -eu

if [ ! -d "$PGDATA" ]; then
  draft=$PGDATA.new
  rm -rf "$draft"
  umask 077
  printf '%s\n' "$POSTGRES_PASSWORD" > "$draft.password"
  initdb --pgdata="$draft" --username=airflow --pwfile="$draft.password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8
  rm "$draft.password"
  echo 'host airflow airflow samenet scram-sha-256' >> "$draft/pg_hba.conf"
  echo 'CREATE DATABASE airflow;' | postgres --single -D "$draft" postgres > /dev/null
  mv "$draft" "$PGDATA"
fi
unset POSTGRES_PASSWORD

exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp
