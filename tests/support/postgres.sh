# A server of PostgreSQL for tests: in the directory $1, by the programs in $2, flushing to the disk or not as $3 says (on, off).
# Each line of standard input stops it at once (stop) or starts it again (start), and is answered by a line. The end of
# standard input, which comes when the tests end however they end, takes everything away.
set -eu
directory=$1 programs=$2 fsync=$3
# PostgreSQL refuses to be root.
if [ "$(id -u)" = 0 ]; then
    chown postgres "$directory"
    as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
else
    as() { "$@"; }
fi
cd "$directory"
start() {
    as "$programs/pg_ctl" -D data -l server.log -w -t 120 \
        -o "-k $directory -c listen_addresses='' -c fsync=$fsync -c max_connections=300" start >start.log 2>&1
}
as "$programs/initdb" -D data -A trust -U postgres -E UTF8 --no-locale --no-sync >initdb.log 2>&1
start
echo ready
while read -r order; do
    case $order in
    stop) as "$programs/pg_ctl" -D data -m immediate stop >stop.log 2>&1 ;;
    start) start ;;
    esac
    echo ready
done
as "$programs/pg_ctl" -D data -m immediate stop >stop.log 2>&1 || true
rm -rf "$directory"
