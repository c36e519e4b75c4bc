#!/bin/sh
# PETIT_URL=… PETIT_API_TOKEN=… trigger-and-wait.sh JOB [KEY] [-d '{"params": {…}}'] runs a job from CI. The same KEY returns the same run.
set -eu; job=${1:?'usage: trigger-and-wait.sh JOB [KEY] [-d BODY]'} url=${PETIT_URL:-http://127.0.0.1:8565} answer='"ended_at":null'; shift
case ${1:--} in -*) key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n') ;; *) key=$1 ;; esac; case ${1--} in -*) ;; *) shift ;; esac
ask() { printf 'Authorization: Bearer %s\n' "${PETIT_API_TOKEN:-}" | curl -fsS --retry 3 -H @- "$@"; }
while case $answer in *'"ended_at":null'*) ;; *) false ;; esac; do
  answer=$(ask -X POST -H "Idempotency-Key: $key" "$url/api/jobs/$job/trigger?wait=300" "$@")
done
ask "$url/api/runs/$(expr "$answer" : '.*"run_id":"\([^"]*\)"')/logs"
case $answer in *'"status":"completed"'*) ;; *) exit 1 ;; esac
