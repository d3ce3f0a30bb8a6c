package locks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// askEvery is how soon a session that has ended is noticed.
	askEvery = 5 * time.Second
	// answerWithin is long, because the server may be busy with the guarded work
	// itself.
	answerWithin = 30 * time.Second
)

// Settings are for sessions that hold a lock and stay idle while another session works:
// neither the server nor a firewall in between may end them for that.
var Settings = map[string]string{
	"idle_session_timeout":                "0",
	"idle_in_transaction_session_timeout": "0",
	"tcp_keepalives_idle":                 "60",
	"tcp_keepalives_interval":             "10",
	"tcp_keepalives_count":                "6",
}

// ErrLost means that a session ended, and its locks with it.
var ErrLost = errors.New("the session that had the locks has ended")

// Guard runs work as long as all these sessions live; nobody else may use them
// meanwhile. When one ends, the work's context ends too and the error wraps ErrLost,
// even if the work was done: another program may have started beside it.
func Guard(ctx context.Context, sessions []*pgx.Conn, work func(context.Context) error) error {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	watching, stop := context.WithCancel(ctx)
	lost := make(chan error, 1)
	go func() {
		defer cancel()
		lost <- watch(ctx, watching, sessions)
	}()
	err := work(working)
	stop()
	if ended := <-lost; ended != nil {
		return errors.Join(ended, err)
	}
	if ended := ask(ctx, sessions); ended != nil {
		return errors.Join(ended, err)
	}
	return err
}

// watch polls until a session has ended or the watch ends.
func watch(ctx, watching context.Context, sessions []*pgx.Conn) error {
	for pause(watching, askEvery) == nil {
		if err := ask(ctx, sessions); err != nil {
			return err
		}
	}
	return nil
}

func ask(ctx context.Context, sessions []*pgx.Conn) error {
	for _, conn := range sessions {
		asking, cancel := context.WithTimeout(ctx, answerWithin)
		err := conn.Ping(asking)
		cancel()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
	}
	return nil
}
