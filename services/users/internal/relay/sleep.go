package relay

import (
	"context"
	"fmt"
)

// wakeLock is held while a relay sleeps, "wake" in ASCII. Writers that find it
// held notify; see the trigger wake in the service's migrations.
const wakeLock int64 = 0x77616b65

// listen makes the session one that writers can wake.
func (s *session) listen(ctx context.Context) error {
	if _, err := s.conn.Exec(ctx, "LISTEN outbox"); err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	return nil
}

// fallAsleep is false while a writer is at work that does not know of the sleep.
// Once it is true, everything that was written unseen is visible, and every later
// writer notifies: whoever then looks once more and finds nothing may wait.
func (s *session) fallAsleep(ctx context.Context) (asleep bool, err error) {
	if err := s.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", wakeLock).Scan(&asleep); err != nil {
		return false, fmt.Errorf("falling asleep: %w", err)
	}
	return asleep, nil
}

func (s *session) wakeUp(ctx context.Context) error {
	if _, err := s.conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", wakeLock); err != nil {
		return fmt.Errorf("waking up: %w", err)
	}
	return nil
}

// await returns at a notification or when ctx ends; neither is an error.
func (s *session) await(ctx context.Context) error {
	_, err := s.conn.WaitForNotification(ctx)
	if err != nil && (ctx.Err() == nil || s.conn.IsClosed()) {
		return fmt.Errorf("waiting: %w", err)
	}
	return nil
}
