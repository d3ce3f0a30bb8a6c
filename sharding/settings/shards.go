package settings

import (
	"fmt"
	"os"
	"time"

	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Shards says where the shards are and how to reach them.
type Shards struct {
	// MapFile is the shard map's file. Its folder is a mounted ConfigMap, so
	// the content changes while the process runs.
	MapFile string
	// Credentials is the folder with <shard name>/username and <shard name>/password.
	Credentials string
	// SSLMode is libpq's sslmode. The authority for verify-ca and verify-full
	// comes from PGSSLROOTCERT, as with every PostgreSQL client.
	SSLMode string
	// ConnectTimeout bounds one attempt to connect to a shard.
	ConnectTimeout time.Duration
}

// As returns what a router needs to reach the shards; they show the
// application's name for its connections.
func (s Shards) As(application string) router.Options {
	return router.Options{MapFile: s.MapFile, Credentials: s.Credentials, SSLMode: s.SSLMode,
		ConnectTimeout: s.ConnectTimeout, Application: application}
}

// Map reads the shard map as it is now.
func (s Shards) Map() (*shardmap.Map, error) { return ReadMap(s.MapFile) }

// ReadMap reads a shard map from a file.
func ReadMap(file string) (*shardmap.Map, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("shard map: %w", err)
	}
	m, err := shardmap.Decode(content)
	if err != nil {
		return nil, fmt.Errorf("shard map %s: %w", file, err)
	}
	return m, nil
}

// ReadShards reads where the shards are and how to reach them.
func ReadShards(r *Reader) Shards {
	return Shards{
		MapFile:     r.Path("SCALESTACK_SHARD_MAP", "/etc/scalestack/shardmap/map.json", "the shard map; read again when it changes"),
		Credentials: r.Path("SCALESTACK_SHARD_CREDENTIALS", "/etc/scalestack/shards", "folder with <shard name>/username and <shard name>/password; read at every new connection"),
		SSLMode: r.OneOf("SCALESTACK_DB_SSLMODE", "prefer",
			[]string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}, "TLS to the shards, as libpq's sslmode; PGSSLROOTCERT names the authority"),
		ConnectTimeout: r.Duration("SCALESTACK_DB_CONNECT_TIMEOUT", 2*time.Second, 10*time.Millisecond, time.Minute, "longest attempt to connect to a shard"),
	}
}
