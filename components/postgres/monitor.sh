# Makes the role of the exporter on every shard: it reads how the server is, and no
# row of any table. It may be run again at any time.
#
#   SHARDS       a line for each shard: name, host, port, database
#   DOMAIN       what makes the hosts' names whole
#   ROLE         the role to log in with
#   CREDENTIALS  folder with <name>/password of that role for each shard, and <name>/former
#                with a line for each password that it may still have
#   PASSWORD     the file with the role's password
#   PGSSLMODE    and PGSSLROOTCERT: TLS to the shards, as libpq has it; disable if absent
#
# Passwords reach psql by its environment and its standard input only, and the
# statement that holds one is not logged.
set -eu
export LC_ALL=C PGCONNECT_TIMEOUT=5 PASSWORD PGSSLMODE="${PGSSLMODE:-disable}"

: "${SHARDS:?}" "${ROLE:?}" "${CREDENTIALS:?}" "${PASSWORD:?}"

role_sql() {
	cat <<'SQL'
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET pg_stat_statements.track_utility = off;
\set pw `cat "$PASSWORD"`
SELECT 'CREATE ROLE monitor' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'monitor') \gexec
ALTER ROLE monitor WITH LOGIN INHERIT NOCREATEROLE NOREPLICATION CONNECTION LIMIT 6 PASSWORD :'pw';
ALTER ROLE monitor SET default_transaction_read_only = on;
ALTER ROLE monitor SET statement_timeout = '5s';
GRANT pg_monitor, pg_use_reserved_connections TO monitor;
SQL
}

sql() {
	timeout 60 psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 \
		--host="$host${DOMAIN:-}" --port="$port" --username="$ROLE" --dbname="$database" --file=-
}

# login finds the password that the server takes.
login() {
	while read -r PGPASSWORD; do
		[ -n "$PGPASSWORD" ] || continue
		export PGPASSWORD
		found=$(sql 2>&1 </dev/null) && return 0
		case $found in *'password authentication failed'*) ;; *) break ;; esac
	done <<-PASSWORDS
		$(cat "$1/password")
		$(cat "$1/former" 2>/dev/null)
	PASSWORDS
	printf '%s\n' "$found" >&2
	return 1
}

while read -r name host port database; do
	[ -s "$CREDENTIALS/$name/password" ] || { echo "monitor: $CREDENTIALS/$name/password is empty or absent" >&2; exit 1; }
	{ login "$CREDENTIALS/$name" && role_sql | sql; } || { echo "monitor: $name has no role monitor yet" >&2; exit 1; }
done <<LINES
$SHARDS
LINES
echo "monitor: every shard has the role" >&2
