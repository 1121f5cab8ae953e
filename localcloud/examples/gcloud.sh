#!/bin/sh
# Buckets and endpoints, listed by the Google Cloud CLI; run it after: eval "$(localcloud env)"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# a configuration of its own, with a token that localcloud takes, as it takes any
printf local >"$folder/token"
export CLOUDSDK_CONFIG="$folder/gcloud"
export CLOUDSDK_AUTH_ACCESS_TOKEN_FILE="$folder/token"
export CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE="$REQUESTS_CA_BUNDLE"
export CLOUDSDK_CORE_PROJECT="$GOOGLE_CLOUD_PROJECT"

gcloud storage buckets list
gcloud ai endpoints list --region=us-central1
