// Package environ keeps the caller's environment out of the lab. A platform
// engineer's shell names other clusters, other Pulumi backends and other build
// flags; none of them may reach a command that the lab runs.
package environ

import (
	"os"
	"runtime"
	"slices"
	"strings"
)

// Build are the variables of every Go command. They are the same for the lab
// and for the product, or the build cache would keep two of everything.
// Without cgo, because a fresh machine has no C compiler and a cache made with
// one would not serve there.
var Build = []string{
	"CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false", "GOWORK=off",
	"GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH,
}

// NoKuberc keeps kubectl from the caller's preferences.
const NoKuberc = "KUBERC=off"

// kept are the only variables of the caller that the lab's commands see: who
// and where the caller is, and how package registries are reached.
var kept = []string{
	"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"SSL_CERT_DIR", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE",
	"GOAUTH", "GOCACHE", "GOENV", "GOINSECURE", "GOMAXPROCS", "GOMEMLIMIT", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPATH",
	"GOPRIVATE", "GOPROXY", "GOROOT", "GOSUMDB", "GOTMPDIR", "GOTOOLCHAIN", "JAVA_HOME",
}

var keptPrefixes = []string{"LC_", "MAVEN_", "PIP_"}

// Direct are hosts that no proxy knows: the lab's own networks.
const Direct = "localhost,127.0.0.0/8,10.244.0.0/24,10.96.0.0/16"

// Isolate removes every other variable of the caller from this process, and so
// from all commands that it starts.
func Isolate() error {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); !keeps(name) {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	for _, entry := range slices.Concat(proxies(), Build, []string{NoKuberc}) {
		name, value, _ := strings.Cut(entry, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

func keeps(name string) bool {
	return slices.Contains(kept, name) ||
		slices.ContainsFunc(keptPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// proxies adds the lab's networks to what the caller reaches directly. Go reads
// the upper-case name first, other programs the lower-case one.
func proxies() []string {
	hosts := Direct
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		if callers := os.Getenv(name); callers != "" {
			hosts = callers + "," + Direct
			break
		}
	}
	return []string{"NO_PROXY=" + hosts, "no_proxy=" + hosts}
}
