#!/bin/sh
# The same with curl: ask, have detached, watch live, keep the receipt.
# Reads the number and its date from standard input: 'NUMBER 2025-03-01'.
# UNBIND_URL and UNBIND_KEY say where the broker is and who you are.
set -eu
umask 077
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
read -r number since && [ -n "$since" ] || {
	echo "expected on standard input: NUMBER 2025-03-01" >&2
	exit 2
}

# The key stands in a file, not among the arguments, which everybody can see.
printf 'header = "Authorization: Bearer %s"\n' "$UNBIND_KEY" >"$folder/key"
call() { curl -sS -K "$folder/key" "$@"; }
consent() { printf '{"method":"sms_otp","at":"%s"}' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"; }

# Gives the id of what was made. A refusal is shown, and ends everything.
post() {
	call -H "Content-Type: application/json" -d @- -o "$folder/answer" "$@" || exit 1
	sed -n 's/^{"id":"\([^"]*\)".*/\1/p' "$folder/answer" | grep . || {
		cat "$folder/answer" >&2
		exit 1
	}
}

query=$(printf '{"number":"%s","owner_since":"%s","consent":%s}' \
	"$number" "$since" "$(consent)" |
	post -H "Prefer: wait=10" "$UNBIND_URL/v1/queries")
echo "asked: $query"

# Made once and kept over every retry: the order is placed once.
once=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
order=$(printf '{"query_id":"%s","consent":%s}' "$query" "$(consent)" |
	post -H "Idempotency-Key: $once" --retry 5 --retry-all-errors \
		"$UNBIND_URL/v1/orders")
echo "ordered: $order"

# Ends by itself when the order is over.
call -N -H "Accept: text/event-stream" "$UNBIND_URL/v1/orders/$order/events" |
	sed -n 's/^event: //p'

call --fail-with-body "$UNBIND_URL/v1/orders/$order/receipt" >receipt.jws
call --fail-with-body "$UNBIND_URL/.well-known/jwks.json" >jwks.json
echo "receipt: $(wc -c <receipt.jws) bytes; check it with: unbind-broker receipt verify receipt.jws --jwks jwks.json"
