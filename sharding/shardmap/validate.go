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
)

var (
	dnsLabel     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	databaseName = regexp.MustCompile(`^[a-zA-Z_][-a-zA-Z0-9_]{0,62}$`)
)

// Validate reports every mistake in the map, each an *Error with its path.
func (m *Map) Validate() error {
	var errs mistakes
	if m.Format != Format {
		errs.addf("format", "%d is not %d, the only format known", m.Format, Format)
	}
	if !dnsLabel.MatchString(m.Cluster) {
		errs.addf("cluster", "%q is not a DNS label", m.Cluster)
	}
	if m.Generation < 1 {
		errs.addf("generation", "%d is not between 1 and %d", m.Generation, int64(math.MaxInt64))
	}
	errs.between("buckets", m.Buckets, 1, MaxBuckets)
	if m.Buckets > 0 {
		errs.between("initialShards", m.InitialShards, 1, min(m.Buckets, MaxShards))
		errs.between("shards", len(m.Shards), 1, min(m.Buckets, MaxShards))
	}
	m.validateShards(&errs)
	m.validateAssignment(&errs)
	return errs.err()
}

func (m *Map) validateShards(errs *mistakes) {
	names, servers := map[string]int{}, map[string]int{}
	for i := range m.Shards {
		shard, path := &m.Shards[i], fmt.Sprintf("shards[%d]", i)
		shard.validate(errs, path)
		if i > 0 && shard.ID <= m.Shards[i-1].ID {
			errs.addf(path+".id", "%d is not above %d, the id before it: ids are unique and ascend", shard.ID, m.Shards[i-1].ID)
		}
		unique(errs, path+".name", shard.Name, names, i)
		unique(errs, path+".database", shard.server(), servers, i)
	}
}

// unique refuses a value that an earlier shard has: two shards in one database would
// see each other's rows.
func unique(errs *mistakes, path, value string, seen map[string]int, i int) {
	if first, taken := seen[value]; taken {
		errs.addf(path, "%q is not unique: shards[%d] has it too", value, first)
		return
	}
	seen[value] = i
}

func (s *Shard) server() string {
	return net.JoinHostPort(strings.ToLower(s.Host), strconv.Itoa(s.Port)) + "/" + s.Database
}

func (s *Shard) validate(errs *mistakes, path string) {
	errs.between(path+".id", s.ID, 0, MaxShards-1)
	if !dnsLabel.MatchString(s.Name) {
		errs.addf(path+".name", "%q is not a DNS label", s.Name)
	}
	if !isHost(s.Host) {
		errs.addf(path+".host", "%q is not a DNS name or an IP address", s.Host)
	}
	errs.between(path+".port", s.Port, 1, 65535)
	if !databaseName.MatchString(s.Database) {
		errs.addf(path+".database", "%q is not 1 to 63 letters, digits, _ and -, with a letter or _ first", s.Database)
	}
}

func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
	return len(host) <= 253 && !slices.ContainsFunc(labels, func(label string) bool { return !dnsLabel.MatchString(label) })
}

// validateAssignment lists each unknown owner once, with its first bucket.
func (m *Map) validateAssignment(errs *mistakes) {
	if len(m.Assignment) != m.Buckets {
		errs.addf("assignment", "%d entries are not %d, one per bucket", len(m.Assignment), m.Buckets)
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
		errs.addf(fmt.Sprintf("assignment[%d]", bucket), "%d is not the id of a shard", owner)
	}
}
