package shardmap

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/internal/check"
)

var (
	dnsLabel     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	databaseName = regexp.MustCompile(`^[a-zA-Z_][-a-zA-Z0-9_]{0,62}$`)
)

// Validate reports every mistake in the map, each an *Error with its path.
func (m *Map) Validate() error {
	var errs check.Errors
	if m.Format != Format {
		errs.Addf("format", "%d is not %d, the only format known", m.Format, Format)
	}
	if !dnsLabel.MatchString(m.Cluster) {
		errs.Addf("cluster", "%q is not a DNS label", m.Cluster)
	}
	if m.Generation < 1 {
		errs.Addf("generation", "%d is not between 1 and %d", m.Generation, int64(math.MaxInt64))
	}
	errs.Range("buckets", m.Buckets, 1, MaxBuckets)
	if m.Buckets > 0 {
		errs.Range("initialShards", m.InitialShards, 1, min(m.Buckets, MaxShards))
		errs.Range("shards", len(m.Shards), 1, min(m.Buckets, MaxShards))
	}
	m.validateShards(&errs)
	m.validateAssignment(&errs)
	return errs.Err()
}

func (m *Map) validateShards(errs *check.Errors) {
	names, servers := map[string]int{}, map[string]int{}
	for i := range m.Shards {
		shard, path := &m.Shards[i], fmt.Sprintf("shards[%d]", i)
		shard.validate(errs, path)
		if i > 0 && shard.ID <= m.Shards[i-1].ID {
			errs.Addf(path+".id", "%d is not above %d, the id before it: ids are unique and ascend", shard.ID, m.Shards[i-1].ID)
		}
		unique(errs, path+".name", shard.Name, names, i)
		unique(errs, path+".database", shard.server(), servers, i)
	}
}

// unique refuses a value that an earlier shard has: two shards in one database
// would each see the other's rows.
func unique(errs *check.Errors, path, value string, seen map[string]int, i int) {
	if first, taken := seen[value]; taken {
		errs.Addf(path, "%q is not unique: shards[%d] has it too", value, first)
		return
	}
	seen[value] = i
}

func (s *Shard) server() string {
	return net.JoinHostPort(strings.ToLower(s.Host), strconv.Itoa(s.Port)) + "/" + s.Database
}

func (s *Shard) validate(errs *check.Errors, path string) {
	errs.Range(path+".id", s.ID, 0, MaxShards-1)
	if !dnsLabel.MatchString(s.Name) {
		errs.Addf(path+".name", "%q is not a DNS label", s.Name)
	}
	if !isHost(s.Host) {
		errs.Addf(path+".host", "%q is not a DNS name or an IP address", s.Host)
	}
	errs.Range(path+".port", s.Port, 1, 65535)
	if !databaseName.MatchString(s.Database) {
		errs.Addf(path+".database", "%q is not 1 to 63 letters, digits, _ and -, with a letter or _ first", s.Database)
	}
}

func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
	return len(host) <= 253 && !slices.ContainsFunc(labels, func(label string) bool { return !dnsLabel.MatchString(label) })
}

// validateAssignment names each unknown owner once, with its first bucket.
func (m *Map) validateAssignment(errs *check.Errors) {
	if len(m.Assignment) != m.Buckets {
		errs.Addf("assignment", "%d entries are not %d, one per bucket", len(m.Assignment), m.Buckets)
	}
	known := make(map[int]bool, len(m.Shards))
	for _, shard := range m.Shards {
		known[shard.ID] = true
	}
	for bucket, owner := range m.Assignment {
		if _, judged := known[owner]; judged {
			continue
		}
		known[owner] = false
		errs.Addf(fmt.Sprintf("assignment[%d]", bucket), "%d is not the id of a shard", owner)
	}
}
