package users

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/scalestack/scalestack/sharding/router"
)

// Database is where users are kept; *Store is the real one.
type Database interface {
	ShardOf(id int64) string
	Get(ctx context.Context, id int64) (user *User, shard string, err error)
	Create(ctx context.Context, p Profile, key string) (user *User, shard string, err error)
	Put(ctx context.Context, id int64, p Profile) (user *User, shard string, err error)
	Update(ctx context.Context, id int64, p Profile) (user *User, shard string, err error)
	Delete(ctx context.Context, id int64) (version int64, shard string, err error)
	Products
}

// Products is where the products of users are kept. They are not cached.
type Products interface {
	GetProduct(ctx context.Context, id int64, sku string) (product *Product, shard string, err error)
	PutProduct(ctx context.Context, id int64, sku string, o Offer) (product *Product, shard string, err error)
	DeleteProduct(ctx context.Context, id int64, sku string) (found bool, shard string, err error)
}

// Cached is what the cache knows of a user.
type Cached struct {
	// Known means that User is the answer, nil for an absent user.
	Known bool
	User  *User
}

// UnknownVersion invalidates whatever version a user has, and keeps the cache from
// remembering another for a while: the change may be made later.
const UnknownVersion int64 = math.MaxInt64

// Lease allows to fill the cache with what the database says after it was given,
// "" allows nothing.
type Lease string

// Cache caches users. It returns no errors: if the cache does not answer, the database
// does.
type Cache interface {
	Get(ctx context.Context, id int64) Cached
	// Lease returns what the cache knows, and a lease if that is nothing.
	Lease(ctx context.Context, id int64) (Cached, Lease)
	// Fill remembers what the database said, unless the lease was broken meanwhile.
	Fill(ctx context.Context, id int64, lease Lease, user *User)
	// Invalidate forgets every version before this one.
	Invalidate(ctx context.Context, id int64, version int64)
}

// Service reads through the cache and invalidates it after every change. The consumer
// invalidate does that again from the events, because this process may die in between,
// and other programs change users too. Here it is done for the caller, who must be able
// to read what was acknowledged to it.
type Service struct {
	Products
	database Database
	cache    Cache
	// timeout bounds the work that outlives a request: others may wait for it.
	timeout time.Duration
	flights flights
}

// NewService returns a Service whose reads of the database take at most timeout.
func NewService(database Database, cache Cache, timeout time.Duration) *Service {
	return &Service{Products: database, database: database, cache: cache, timeout: timeout}
}

// Answer is the result of a read.
type Answer struct {
	// User is nil when there is none with that id.
	User *User
	// Hit means that the cache had the answer.
	Hit   bool
	Shard string
}

// Get returns a user. Callers that miss the cache together share one query.
func (s *Service) Get(ctx context.Context, id int64) (Answer, error) {
	cached := s.cache.Get(ctx, id)
	if cached.Known {
		return s.hit(id, cached), nil
	}
	flight := s.flights.join(id, func() (Answer, error) { return s.load(context.WithoutCancel(ctx), id) })
	select {
	case <-flight.done:
		return flight.answer, flight.err
	case <-ctx.Done():
		shard := s.database.ShardOf(id)
		return Answer{Shard: shard}, &router.UnavailableError{Shard: shard, Err: ctx.Err()}
	}
}

// load looks into the cache again first: the flight before this one may have
// filled it after the caller missed.
func (s *Service) load(ctx context.Context, id int64) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	cached, lease := s.cache.Lease(ctx, id)
	if cached.Known {
		return s.hit(id, cached), nil
	}
	user, shard, err := s.database.Get(ctx, id)
	if err != nil {
		return Answer{Shard: shard}, err
	}
	s.cache.Fill(ctx, id, lease, user)
	return Answer{User: user, Shard: shard}, nil
}

func (s *Service) hit(id int64, cached Cached) Answer {
	return Answer{User: cached.User, Hit: true, Shard: s.database.ShardOf(id)}
}

// Create makes a new user. The cache is left alone: before the answer nobody
// knows the id, and what somebody may have learned of it by guessing goes with
// the event.
func (s *Service) Create(ctx context.Context, p Profile, key string) (user *User, shard string, err error) {
	return s.database.Create(ctx, p, key)
}

// Put creates or replaces a user. The cache is invalidated before the caller learns of
// the success, so whoever knows of the change also reads it.
func (s *Service) Put(ctx context.Context, id int64, p Profile) (user *User, shard string, err error) {
	user, shard, err = s.database.Put(ctx, id, p)
	s.invalidateStored(ctx, id, user, err)
	return user, shard, err
}

// Update is Put for an existing user. It returns [ErrNoUser] for any other.
func (s *Service) Update(ctx context.Context, id int64, p Profile) (user *User, shard string, err error) {
	user, shard, err = s.database.Update(ctx, id, p)
	s.invalidateStored(ctx, id, user, err)
	return user, shard, err
}

// Delete deletes a user, and invalidates as Put does.
func (s *Service) Delete(ctx context.Context, id int64) (found bool, shard string, err error) {
	version, shard, err := s.database.Delete(ctx, id)
	if version > 0 && err == nil {
		s.cache.Invalidate(context.WithoutCancel(ctx), id, version)
	}
	s.invalidateUnknown(ctx, id, err)
	return version > 0, shard, err
}

func (s *Service) invalidateStored(ctx context.Context, id int64, user *User, err error) {
	if err == nil {
		s.cache.Invalidate(context.WithoutCancel(ctx), id, user.Version)
	}
	s.invalidateUnknown(ctx, id, err)
}

// invalidateUnknown invalidates after a change that may have been made, or may be yet.
func (s *Service) invalidateUnknown(ctx context.Context, id int64, err error) {
	var unavailable *router.UnavailableError
	if errors.As(err, &unavailable) && unavailable.Unknown {
		s.cache.Invalidate(context.WithoutCancel(ctx), id, UnknownVersion)
	}
}
