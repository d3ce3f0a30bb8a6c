package router

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// throughPooler sets what depends on whether a server process belongs to the connection
// for its lifetime or, in transaction mode, for a transaction. PgBouncer refuses a
// statement_timeout from the client, and a statement that was prepared on one server
// process is unknown to the next.
func (o Options) throughPooler(config *pgx.ConnConfig, shard *shardmap.Shard) error {
	if o.Pooler == "" {
		config.RuntimeParams["statement_timeout"] = strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10)
		return nil
	}
	host, text, err := net.SplitHostPort(strings.ReplaceAll(o.Pooler, "{shard}", shard.Name))
	port, notANumber := strconv.ParseUint(text, 10, 16)
	if err != nil || notANumber != nil || host == "" || port == 0 {
		return fmt.Errorf("pooler: %q is not host:port with a port from 1 to 65535", o.Pooler)
	}
	config.Host, config.Port = host, uint16(port)
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	return nil
}
