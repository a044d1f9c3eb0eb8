# A server of S3 for tests, by the programs in $1, on port $2 of this machine. The end of standard input, which comes when the tests
# end however they end, takes it away with all that it has.
"$1/moto_server" -H 127.0.0.1 -p "$2" &
server=$!
cat >/dev/null
kill -9 "$server"
