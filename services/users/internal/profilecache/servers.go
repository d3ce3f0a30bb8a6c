package profilecache

import (
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/settings"
)

// cooldown is how long lookups leave a server alone after a failure. Otherwise
// each request would wait for its own timeout while it does not answer.
const cooldown = time.Second

// Servers are the cache's servers, each with the keys of its slots. A server that does
// not answer keeps its slots: other servers would get entries that its clients do not
// know of and that none of their changes would reach.
type Servers struct {
	all []*server
	// keep have the entries. Changes are marked on those of also too, which clients before
	// or after this one read from while the number of servers changes.
	keep, also layout
}

type server struct {
	redis.UniversalClient
	address string
	// restUntil is the end of the cooldown in Unix nanoseconds.
	restUntil atomic.Int64
}

// layout are servers in their order, with the server of each slot.
type layout struct {
	servers []*server
	table   []uint8
}

// NewServers returns servers that are connected to on first use, with the credentials
// and, with TLS, the authorities that the files hold at that time. The registry gets
// the expiry of the certificates that they present.
func NewServers(s settings.Redis, registry prometheus.Registerer, log *slog.Logger) *Servers {
	redis.SetLogger(logger{log})
	keep, also := s.Servers()
	several := len(keep)+len(also) > 1
	shown := expiry(s, registry)
	made := &Servers{}
	find := func(address string) *server {
		if i := slices.IndexFunc(made.all, func(known *server) bool { return known.address == address }); i >= 0 {
			return made.all[i]
		}
		label := ""
		if several {
			label = address
		}
		made.all = append(made.all, &server{UniversalClient: newClient(s, address, shown(label)), address: address})
		return made.all[len(made.all)-1]
	}
	made.keep, made.also = newLayout(keep, find), newLayout(also, find)
	return made
}

// One is a cache of one server.
func One(client redis.UniversalClient) *Servers {
	only := &server{UniversalClient: client}
	return &Servers{all: []*server{only}, keep: layout{servers: []*server{only}}}
}

func newLayout(addresses []string, find func(string) *server) layout {
	var l layout
	for _, address := range addresses {
		l.servers = append(l.servers, find(address))
	}
	if len(l.servers) > 1 {
		l.table = spread(len(l.servers))
	}
	return l
}

// of is the server of a key, nil in a layout that is none.
func (l layout) of(key string) *server {
	switch len(l.servers) {
	case 0:
		return nil
	case 1:
		return l.servers[0]
	}
	return l.servers[l.table[slotOf(key)]]
}

// marked are where a change is marked, each once.
func (s *Servers) marked(key string) []*server {
	first, second := s.keep.of(key), s.also.of(key)
	if second == nil || second == first {
		return []*server{first}
	}
	return []*server{first, second}
}

// Clients are one for each server.
func (s *Servers) Clients() []redis.UniversalClient {
	var clients []redis.UniversalClient
	for _, one := range s.all {
		clients = append(clients, one.UniversalClient)
	}
	return clients
}

// Close closes all connections.
func (s *Servers) Close() error {
	var errs []error
	for _, one := range s.all {
		errs = append(errs, one.UniversalClient.Close())
	}
	return errors.Join(errs...)
}

func (s *server) resting() bool { return time.Now().UnixNano() < s.restUntil.Load() }

// rest begins a cooldown, and tells whether none was running.
func (s *server) rest() bool {
	before := s.restUntil.Swap(time.Now().Add(cooldown).UnixNano())
	return time.Unix(0, before).Before(time.Now())
}
