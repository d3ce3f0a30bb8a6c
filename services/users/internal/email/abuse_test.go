package email_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/api"
	"github.com/scalestack/scalestack/services/users/internal/auth"
	"github.com/scalestack/scalestack/services/users/internal/authtest"
	"github.com/scalestack/scalestack/services/users/internal/email"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/pgtest"
	engine "github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// noCache is an empty cache.
type noCache struct{}

func (noCache) Get(context.Context, int64) users.Cached                  { return users.Cached{} }
func (noCache) Lease(context.Context, int64) (users.Cached, users.Lease) { return users.Cached{}, "" }
func (noCache) Fill(context.Context, int64, users.Lease, *users.User)    {}
func (noCache) Invalidate(context.Context, int64, int64)                 {}

// publish takes the events of users out of the shard's outbox, as a relay does.
func publish(t *testing.T, shards *pgtest.Shards) (list []*events.Event) {
	t.Helper()
	conn := shards.Servers[0].Admin(pgtest.Database(0))
	rows, err := conn.Query(t.Context(),
		"SELECT user_id, event_id, type, schema, occurred_at, data FROM outbox_all WHERE topic = $1 ORDER BY user_id, sequence", events.UserTopic)
	require.NoError(t, err)
	for rows.Next() {
		e := &events.Event{}
		require.NoError(t, rows.Scan(&e.UserID, (*[16]byte)(&e.ID), &e.Type, &e.Schema, &e.Time, (*[]byte)(&e.Data)))
		list = append(list, e)
	}
	require.NoError(t, rows.Err())
	_, err = conn.Exec(t.Context(), "SELECT scalestack.sweep(); DELETE FROM outbox; DELETE FROM outbox_spare")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	return list
}

// A person who goes and comes again, each time with another address, sends no mails to
// strangers.
func TestAPersonSendsNoMailsToOthers(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	key := authtest.RSA(t, "a")
	issuer := authtest.New(t, key)
	service := users.NewService(users.NewStore(r, users.StoreOptions{Events: true}), noCache{}, time.Second)
	handler := api.New(service, api.Options{Timeout: 5 * time.Second, MaxRequests: 10, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
		Access: api.Access{Verifier: auth.New(auth.Options{Issuer: issuer.URL(), Audience: authtest.Audience, UserClaim: "sub"})}})
	shards.App = shardtest.As(shards, "email")
	out := &outbound{}
	sender := email.New(engine.Router(t, shards), out)
	send := func(claims map[string]any, method, path, body string) int {
		request := httptest.NewRequest(method, path, strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer "+issuer.Token(key, "7", claims))
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		for _, e := range publish(t, shards) {
			_, err := sender.Handle(t.Context(), e)
			require.NoError(t, err)
		}
		return response.Code
	}
	const own = `{"name":"Ada","email":"ada@example.com"}`
	require.Equal(t, http.StatusForbidden, send(nil, "POST", "/users", own))
	require.Equal(t, http.StatusForbidden, send(nil, "PUT", "/users/7", own))
	require.Equal(t, http.StatusCreated, send(map[string]any{"scope": auth.WriteScope}, "PUT", "/users/7", own))
	for n := range 3 {
		stranger := fmt.Sprintf(`{"name":"Buy at evil.example","email":"stranger-%d@example.com"}`, n)
		send(nil, "PUT", "/users/7", stranger)
		send(nil, "DELETE", "/users/7", "")
		send(nil, "PUT", "/users/7", stranger)
	}
	require.Len(t, out.sent, 1)
	require.Equal(t, "ada@example.com", out.sent[0].To)
}
