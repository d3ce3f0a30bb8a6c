package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/owner"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// Shards are running servers, with the files that a pod would use to reach them.
type Shards struct {
	// Servers are by shard id, except with SpreadShards.
	Servers []*Server
	Map     *shardmap.Map
	// The settings to reach the shards with each role: App of a service, Admin of the mover, Owner of a service's migrations.
	App, Admin, Owner settings.Shards

	t *testing.T
}

// StartShards runs n servers and writes a base map for them, with 12 buckets.
func StartShards(t *testing.T, n int) *Shards {
	t.Helper()
	s := StartUnowned(t, n)
	s.Own()
	return s
}

// StartUnowned is StartShards as it was before package owner: everybody but app is the superuser, until Own is called.
func StartUnowned(t *testing.T, n int) *Shards {
	t.Helper()
	s := newShards(t, n, 12)
	for id := range n {
		server := Start(t, Database(id))
		s.Servers = append(s.Servers, server)
		s.add(id, server)
	}
	return s.ready()
}

// Own has every pod take its shard over, and gives Admin and Owner their roles.
func (s *Shards) Own() {
	s.t.Helper()
	for _, shard := range s.Map.Shards {
		server := s.Servers[shard.ID%len(s.Servers)]
		server.Own(shard.Database)
		server.Exec("postgres", "ALTER ROLE "+owner.Role+" PASSWORD '"+OwnerPassword+"'")
		server.ChangePassword(AdminPassword)
	}
	s.Admin, s.Owner = s.settings(owner.Mover, AdminPassword), s.settings(owner.Role, OwnerPassword)
}

// SpreadShards makes n shards the databases of a few servers, shard i on server i mod
// servers, and writes a base map for them with 960 buckets. Each server takes 500
// clients, which hash their passwords with PostgreSQL's default number of rounds.
func SpreadShards(t *testing.T, servers, n int) *Shards {
	t.Helper()
	s := newShards(t, n, 960)
	for id := range n {
		if id < servers {
			s.Servers = append(s.Servers, startLarge(t, Database(id)))
		} else {
			s.Servers[id%servers].Exec("postgres", "CREATE DATABASE "+Database(id))
		}
		s.add(id, s.Servers[id%servers])
	}
	s.ready().Own()
	return s
}

func startLarge(t *testing.T, database string) *Server {
	s := Start(t, database)
	s.Exec("postgres", "ALTER SYSTEM SET max_connections = 500")
	s.Exec("postgres", "ALTER SYSTEM SET scram_iterations = 4096")
	s.Stop()
	s.Run()
	s.Exec("postgres", "ALTER ROLE app PASSWORD '"+AppPassword+"'")
	return s
}

func newShards(t *testing.T, n, buckets int) *Shards {
	return &Shards{t: t, Map: &shardmap.Map{Format: shardmap.Format, Cluster: "test", Generation: 1,
		Buckets: buckets, InitialShards: n, Assignment: shardmap.Base(buckets, n)}}
}

func (s *Shards) add(id int, server *Server) {
	s.Map.Shards = append(s.Map.Shards, shardmap.Shard{
		ID: id, Name: fmt.Sprintf("shard-%d", id), Host: "127.0.0.1", Port: server.Port, Database: Database(id)})
}

func (s *Shards) ready() *Shards {
	s.App = s.settings("app", AppPassword)
	s.Admin = s.settings("postgres", SuperPassword)
	s.Owner = s.Admin
	s.Write(s.Map)
	if os.Getenv(ThroughVariable) == "pooler" {
		s.App.Pooler, _ = StartPooler(s.t, s, 10, 2*time.Second)
	}
	return s
}

// Database returns the name of a shard's database.
func Database(id int) string { return fmt.Sprintf("shard_%d_db", id) }

// As returns the settings to reach the shards as another role.
func (s *Shards) As(user, password string) settings.Shards { return s.settings(user, password) }

func (s *Shards) settings(user, password string) settings.Shards {
	folder := s.t.TempDir()
	for _, shard := range s.Map.Shards {
		SetCredentials(s.t, filepath.Join(folder, shard.Name), user, password)
	}
	if s.App.MapFile == "" {
		s.App.MapFile = filepath.Join(s.t.TempDir(), "map.json")
	}
	return settings.Shards{MapFile: s.App.MapFile, Credentials: folder, SSLMode: "disable", ConnectTimeout: 2 * time.Second}
}

// SetCredentials writes the files of a mounted Secret.
func SetCredentials(t *testing.T, folder, user, password string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "username"), []byte(user), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "password"), []byte(password), 0o600))
}

// SetFormer adds the file with passwords that rotations have replaced.
func SetFormer(t *testing.T, folder string, passwords ...string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "former"), []byte(strings.Join(passwords, "\n")+"\n"), 0o600))
}

// Write writes a map to the map's file.
func (s *Shards) Write(m *shardmap.Map) {
	s.t.Helper()
	content, err := m.Encode()
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(s.App.MapFile, content, 0o600))
}
