#!/bin/sh
# Starts the Job so that all shards begin together, waits, collects and merges.
#
#   deploy/k8s/start.sh            four shards, as in job.yaml
#   SHARDS=8 DELAY_S=120 deploy/k8s/start.sh
#
# Needs kubectl (with kustomize, as it has been since 1.14) and authbench.
set -eu
cd "$(dirname "$0")"
shards="${SHARDS:-4}"
# Long enough for every pod to be scheduled and its image to be there.
delay_s="${DELAY_S:-60}"
results="${RESULTS:-results}"
start_at="$(date -u -d "+${delay_s} seconds" +%Y-%m-%dT%H:%M:%SZ)"

kubectl delete job authbench --ignore-not-found --wait
kubectl kustomize . |
  sed -e "s|START_AT: .*|START_AT: \"${start_at}\"|" \
      -e "s|SHARDS: .*|SHARDS: \"${shards}\"|" \
      -e "s|completions: .*|completions: ${shards}|" \
      -e "s|parallelism: .*|parallelism: ${shards}|" |
  kubectl apply -f -
echo "load begins at ${start_at}" >&2
# A shard that found wrong answers fails its pod, and still has a result.
deadline=$(($(date +%s) + ${TIMEOUT_S:-3600}))
until [ "$(kubectl get job authbench -o 'jsonpath={.status.conditions[?(@.status=="True")].type}' |
  grep -cE 'Complete|Failed')" -gt 0 ]; do
  if [ "$(date +%s)" -gt "${deadline}" ]; then
    echo "error: the Job is not over; kubectl describe job authbench says why" >&2
    exit 3
  fi
  sleep 5
done

mkdir -p "${results}"
index=0
files=""
while [ "${index}" -lt "${shards}" ]; do
  file="${results}/shard-${index}.json"
  pod="$(kubectl get pods -l "job-name=authbench,batch.kubernetes.io/job-completion-index=${index}" -o name)"
  kubectl logs "${pod}" >"${file}"
  files="${files} ${file}"
  index=$((index + 1))
done
# shellcheck disable=SC2086 # one argument a file
authbench merge ${files} --out "${results}"
