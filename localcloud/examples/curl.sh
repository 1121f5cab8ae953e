#!/bin/sh
# A query, an object and the list of endpoints; run it after: eval "$(localcloud env)"
set -eu
project=$GOOGLE_CLOUD_PROJECT

curl --silent --show-error --fail-with-body --json '{"query": "SELECT 1 AS one", "useLegacySql": false}' \
  "https://bigquery.googleapis.com/bigquery/v2/projects/$project/queries"

curl --silent --show-error --fail-with-body --json '{"name": "curl-example"}' \
  "https://storage.googleapis.com/storage/v1/b?project=$project"
curl --silent --show-error --fail-with-body --data-binary 'text' \
  "https://storage.googleapis.com/upload/storage/v1/b/curl-example/o?uploadType=media&name=a.txt"

curl --silent --show-error --fail-with-body \
  "https://us-central1-aiplatform.googleapis.com/v1/projects/$project/locations/us-central1/endpoints"
