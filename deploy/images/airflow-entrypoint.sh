#!/bin/sh
# Connects Google's clients to localcloud, then executes the component.
set -eu

. /var/lib/localcloud-clients/env.sh
# ignore a proxy that Docker sets for its containers
NO_PROXY="$NO_PROXY,api-server,localcloud,postgres"
no_proxy="$NO_PROXY"
export NO_PROXY no_proxy

if [ -n "${AIRFLOW_ADMIN_PASSWORD:-}" ]; then
  # an existing password is neither generated nor printed
  (umask 077 && python -c 'import json, os; print(json.dumps({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}))' \
    > "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE")
  unset AIRFLOW_ADMIN_PASSWORD
fi

exec "$@"
