#!/bin/sh
# Leads Google's clients to localcloud, then becomes the component.
set -eu

. /var/lib/localcloud-clients/env.sh
# a proxy that Docker sets for its containers must not come between them
NO_PROXY="$NO_PROXY,api-server,localcloud,postgres"
no_proxy="$NO_PROXY"
export NO_PROXY no_proxy

if [ -n "${AIRFLOW_ADMIN_PASSWORD:-}" ]; then
  # a password that is there already is not made up, and not printed
  (umask 077 && python -c 'import json, os; print(json.dumps({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}))' \
    > "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE")
  unset AIRFLOW_ADMIN_PASSWORD
fi

exec "$@"
