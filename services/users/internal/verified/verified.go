// Package verified connects with TLS to servers whose authorities are in files. It
// reads them for every new connection, so a new authority needs no restart.
package verified

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Dial connects to an address.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Dialer returns a Dial that takes no server but one whose certificate has the address's
// host and comes from an authority of ca: a PEM file, or a folder of which every *.crt is
// trusted. The name says in errors whose authority it is. Connecting, the handshake
// included, takes up to the timeout. Each certificate that was verified is shown to seen,
// unless that is nil.
func Dialer(ca, name string, timeout time.Duration, seen func(*x509.Certificate)) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		roots, err := authorities(ca)
		if err != nil {
			return nil, fmt.Errorf("authority of %s: %w", name, err)
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		d := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
		conn, err := d.DialContext(ctx, network, address)
		if err == nil && seen != nil {
			seen(conn.(*tls.Conn).ConnectionState().PeerCertificates[0])
		}
		return conn, err
	}
}

// authorities reads a file, or every *.crt of a folder. While Strimzi replaces the
// key of its cluster CA, the Secret holds the old certificate as ca-<date>.crt
// beside the new ca.crt, and brokers present certificates of either.
func authorities(ca string) (*x509.CertPool, error) {
	files := []string{ca}
	if info, err := os.Stat(ca); err == nil && info.IsDir() {
		files, err = fs.Glob(os.DirFS(ca), "*.crt")
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("%s holds no *.crt file", ca)
		}
		for i := range files {
			files[i] = filepath.Join(ca, files[i])
		}
	}
	roots := x509.NewCertPool()
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !roots.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("%s holds no certificate", file)
		}
	}
	return roots, nil
}
