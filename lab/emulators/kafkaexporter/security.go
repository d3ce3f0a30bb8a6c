package kafkaexporter

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
)

// Security reads the authorities' certificates, which are one file or every *.crt of a folder, and the exporter's own.
// They are read once: whoever changes them starts the exporter again, as Strimzi's operator does.
func Security(authorities, certificate, key string) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	files := []string{authorities}
	if info, err := os.Stat(authorities); err != nil {
		return nil, err
	} else if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(authorities, "*.crt")); err != nil {
			return nil, err
		}
	}
	roots := x509.NewCertPool()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate in PEM", file)
		}
	}
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}, nil
}
