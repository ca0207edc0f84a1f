#!/usr/bin/env bash
# Asks for the claim of a run and says whether its work is to be done. Needs
# bash 3.2 and curl. All that comes from outside is in the environment; the
# token goes to curl through a pipe, so that no list of processes shows it.
set -euo pipefail
set +x # a debug run must not print the token

mode=${REDUNDANCY_MODE:-primary}
server=${REDUNDANCY_SERVER:-}
token=${REDUNDANCY_TOKEN:-}
epoch=${REDUNDANCY_EPOCH:-}
timeout=${REDUNDANCY_TIMEOUT:-10}
key=${REDUNDANCY_KEY:-}

# say writes an annotation. Line ends and percent signs would end it or be read
# as commands of the runner.
say() {
  local text=${2//'%'/%25}
  text=${text//$'\r'/%0D}
  printf '::%s title=Redundancy guard::%s\n' "$1" "${text//$'\n'/%0A}"
}
output() { printf '%s=%s\n' "$1" "$2" >>"${GITHUB_OUTPUT:-/dev/null}"; }

# unclear ends a request without a clear answer: the primary goes ahead, a
# fallback must not act.
unclear() {
  if [[ $mode == fallback ]]; then
    output proceed false
    say error "$1; a fallback does not act without a clear yes"
    exit 1
  fi
  output proceed true
  say warning "$1; the work goes ahead without a claim"
  exit 0
}

case $mode in
  primary | fallback) ;;
  *)
    output proceed false
    say error "mode is neither primary nor fallback"
    exit 1
    ;;
esac
if [[ ! $timeout =~ ^[0-9]{1,3}$ ]] || ((10#$timeout < 1 || 10#$timeout > 300)); then
  say warning "timeout is no number of seconds from 1 to 300; waiting for 10"
  timeout=10
fi
[[ -n $token ]] || unclear "there is no token (pull requests of forks get no secrets)"
[[ $token =~ ^[A-Za-z0-9._~+/=-]+$ ]] || unclear "the token has characters that no token has"
[[ $server =~ ^https?://[^[:space:]\"\\]+$ ]] || unclear "server is no http address"
# What follows would show a password, here and in the list of processes.
[[ ! $server =~ ^https?://[^/?#]*@ ]] || unclear "server must not have a user name or password in its address"
if [[ $server =~ ^http:// && ! $server =~ ^http://(localhost|127\.[0-9.]+|\[::1\])([:/]|$) ]]; then
  say warning "server is a plain http address: whoever is on the way can read the token"
fi

own=run-${REDUNDANCY_REPOSITORY:-}-${REDUNDANCY_RUN:-}
key=${key:-$own}
[[ $key =~ ^[A-Za-z0-9._:-]{1,200}$ ]] || unclear "key is no claim"
if [[ $mode == primary && $token == rg1.* && $key != "$own" && $key != repo-"${REDUNDANCY_REPOSITORY:-}"-* ]]; then
  unclear "a guard token opens no claim $key: keys of your own begin with repo-${REDUNDANCY_REPOSITORY:-}-"
fi

if [[ $mode == fallback ]]; then
  [[ $epoch =~ ^[1-9][0-9]{0,17}$ ]] || unclear "epoch is no number"
  body="{\"epoch\": $epoch}"
elif [[ $key == "$own" && ${REDUNDANCY_ATTEMPT:-} =~ ^[1-9][0-9]*$ ]]; then
  body="{\"owner\": \"run:${REDUNDANCY_RUN:-}:$REDUNDANCY_ATTEMPT\"}"
else
  # Of a key of the user's own, the same attempt is granted the same again.
  body="{\"owner\": \"workflow:${REDUNDANCY_REPOSITORY:-0}:${REDUNDANCY_RUN:-0}:${REDUNDANCY_ATTEMPT:-0}\"}"
fi

answer='' headers=''
trap 'rm -f "$answer" "$headers"' EXIT
answer=$(mktemp) || unclear "no temporary file can be made"
headers=$(mktemp) || unclear "no temporary file can be made"

# request asks once, within the seconds given, and prints the status.
# -q: no ~/.curlrc of the runner. No redirect is followed: the token is for
# this server. --globoff: one address is one request.
request() {
  printf 'header = "Authorization: Bearer %s"\n' "$token" |
    curl -q --globoff --silent --show-error --max-time "$1" --max-filesize 65536 \
      --request POST --header 'Content-Type: application/json' --data-binary "$body" \
      --output "$answer" --dump-header "$headers" --write-out '%{http_code}' --config - \
      "${server%/}/api/v1/claims/$key"
}

# A server that is busy is asked again as long as the time allows it, one that
# does not answer twice more. To be granted a claim twice is to be granted it once.
end=$((SECONDS + 10#$timeout))
for ((try = 1; ; try++)); do
  pause=$((try > 1 ? 2 : 1))
  left=$((end - SECONDS))
  code=$(request "$((left > 0 ? left : 1))") || code=
  [[ -z $code || $code == 503 ]] || break
  if [[ $code == 503 && $(tr -d '\r' <"$headers") =~ [Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]:[[:space:]]*([0-9]{1,6}) ]] && ((10#${BASH_REMATCH[1]} > pause)); then
    after=$((10#${BASH_REMATCH[1]}))
  else
    after=$pause
  fi
  [[ $code == 503 ]] || ((try < 3)) || break
  ((SECONDS + after < end)) || break
  sleep "$after"
done
[[ -n $code ]] || unclear "no answer from $server"

# field takes a string or a number out of the flat answer. What the server says
# is shown, never run.
text=$(head -c 65536 "$answer" | tr -d '\000')
field() {
  local string="\"$1\":[[:space:]]*\"([^\"]*)\"" number="\"$1\":[[:space:]]*([0-9]+)"
  if [[ $text =~ $string || $text =~ $number ]]; then
    printf '%s' "${BASH_REMATCH[1]}"
  fi
}

case $code in
  200)
    # Only a claim is a grant, not the page of a proxy on the way.
    granted=$(field epoch)
    [[ $text =~ ^[[:space:]]*\{.*\}[[:space:]]*$ && $(field state) == held && $granted =~ ^[1-9][0-9]{0,17}$ ]] ||
      unclear "$server answers 200 without a grant"
    if [[ $mode == fallback ]]; then
      [[ $granted == "$epoch" ]] || unclear "$server answers with epoch $granted instead of $epoch"
      # The claim of a run has a key of its own.
      [[ $(field key) == "$key" || $key == run-* && $(field key) =~ ^[0-9a-f]{64}$ ]] || unclear "$server answers with another claim"
    fi
    output epoch "$granted"
    output proceed true
    say notice "the work is this run's (claim epoch $granted)"
    ;;
  409)
    if [[ $mode == fallback ]]; then
      unclear "refused: $(field error)"
    fi
    # Only a claim keeps the primary from its work, not a proxy on the way. That
    # it is free by now changes nothing: this run was told to skip.
    [[ $(field state) =~ ^(held|done|in_doubt|free)$ || -n $(field key) && -n $(field error) ]] || unclear "$server answers 409 without a claim"
    output proceed false
    say notice "skip: $(field error)"
    ;;
  *)
    why=$(field error)
    unclear "$server answers $code${why:+: $why}"
    ;;
esac
