package pgtest

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/scalestack/scalestack/sharding/certtest"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/stretchr/testify/require"
)

// Encrypt gives all servers certificates of the authority for their address and makes
// them refuse connections without TLS. From then on App, Admin and Owner verify the servers.
func (s *Shards) Encrypt(authority *certtest.Authority) {
	s.t.Helper()
	for _, server := range s.Servers {
		server.Certify(authority, authority.Certificate)
		server.RefuseClearText()
	}
	for _, settings := range []*settings.Shards{&s.App, &s.Admin, &s.Owner} {
		settings.SSLMode, settings.SSLRootCert = "verify-full", s.Servers[0].Authorities()
	}
}

// Authorities returns the file with the authorities that the server's clients trust.
func (s *Server) Authorities() string { return filepath.Join(s.folder, "authorities.crt") }

// Certify enables TLS on the running server, with a new certificate of the authority.
// Its clients trust the given authorities.
func (s *Server) Certify(authority *certtest.Authority, trusted []byte) {
	s.t.Helper()
	pair := authority.Issue(time.Hour, "127.0.0.1")
	for name, content := range map[string][]byte{"server.crt": pair.Certificate, "server.key": pair.Key} {
		s.own(filepath.Join(s.folder, name), content, 0o600)
	}
	s.own(s.Authorities(), trusted, 0o644)
	// Shared by the tests, which may be root, and the servers, which are not.
	require.NoError(s.t, os.Chmod(s.folder, 0o755))
	for name, value := range map[string]string{"ssl_cert_file": filepath.Join(s.folder, "server.crt"),
		"ssl_key_file": filepath.Join(s.folder, "server.key"), "ssl": "on"} {
		s.Exec("postgres", "ALTER SYSTEM SET "+name+" = '"+value+"'")
	}
	s.reload()
	s.encrypted = true
	require.Eventually(s.t, func() bool {
		conn, err := s.connect("postgres", "postgres", SuperPassword)
		return err == nil && conn.Close(s.t.Context()) == nil
	}, 10*time.Second, 20*time.Millisecond, "the server does not speak TLS")
}

// RefuseClearText refuses all connections without TLS.
func (s *Server) RefuseClearText() {
	s.t.Helper()
	file := filepath.Join(s.data(), "pg_hba.conf")
	content, err := os.ReadFile(file)
	require.NoError(s.t, err)
	s.own(file, []byte(strings.ReplaceAll(string(content), "\nhost ", "\nhostssl ")), 0o600)
	s.reload()
}

func (s *Server) reload() {
	s.t.Helper()
	s.Exec("postgres", "SELECT pg_reload_conf()")
}

// own writes a file that belongs to the server's user.
func (s *Server) own(file string, content []byte, mode os.FileMode) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(file, content, mode))
	require.NoError(s.t, os.Chmod(file, mode))
	if s.runAs != nil {
		require.NoError(s.t, os.Chown(file, int(s.runAs.Uid), int(s.runAs.Gid)))
	}
}
