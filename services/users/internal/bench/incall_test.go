package bench_test

import (
	"context"
	"math/rand/v2"

	"github.com/google/uuid"
	"github.com/scalestack/scalestack/services/users/internal/mailer"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/router"
)

const (
	insertUser = `INSERT INTO users (user_id, name, email) VALUES ($1, $2, $3) RETURNING version, created_at, updated_at`
	countUser  = `
		INSERT INTO activity AS a (user_id, day, type, count, last_at)
		VALUES ($1, ($2::timestamptz AT TIME ZONE 'UTC')::date, 'UserCreated', 1, $2)
		ON CONFLICT (user_id, day, type) DO UPDATE SET count = a.count + 1, last_at = excluded.last_at`
)

// storing registers a user and notes no event.
type storing struct {
	*users.Service
	instance
}

func (s storing) Create(ctx context.Context, p users.Profile, _ string) (user *users.User, shard string, err error) {
	user = &users.User{ID: rand.Int64N(1 << 53), Name: p.Name, Email: p.Email, Created: true}
	shard, err = s.router.Write(ctx, user.ID, func(ctx context.Context, conn *router.Writer) error {
		return conn.QueryRow(ctx, insertUser, user.ID, p.Name, p.Email).Scan(&user.Version, &user.CreatedAt, &user.UpdatedAt)
	})
	return user, shard, err
}

// inCall does what the consumers do before it answers.
type inCall struct {
	storing
	mailer mailer.Mailer
}

func (s inCall) Create(ctx context.Context, p users.Profile, key string) (user *users.User, shard string, err error) {
	user, shard, err = s.storing.Create(ctx, p, key)
	if err != nil {
		return nil, shard, err
	}
	if err := s.mailer.Send(ctx, mailer.Mail{ID: uuid.NewString(), Name: p.Name, To: p.Email,
		Subject: "Welcome", Text: "Your registration is complete."}); err != nil {
		return nil, shard, err
	}
	shard, err = s.router.Write(ctx, user.ID, func(ctx context.Context, conn *router.Writer) error {
		_, err := conn.Exec(ctx, countUser, user.ID, user.CreatedAt)
		return err
	})
	if err != nil {
		return nil, shard, err
	}
	s.profiles.Invalidate(ctx, user.ID, user.Version)
	return user, shard, nil
}
