package mail

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func open(t *testing.T, file string) *Store {
	t.Helper()
	store, err := Open(file)
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	return store
}

// start runs a sink and gives its SMTP address.
func start(t *testing.T) (*Sink, string) {
	t.Helper()
	sink := &Sink{Store: open(t, filepath.Join(t.TempDir(), "mail.jsonl"))}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := sink.SMTP(listener.Addr().String())
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	return sink, listener.Addr().String()
}

func send(address, id, to string) error {
	body := "Message-ID: " + id + "\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nwelcome\r\n"
	return smtp.SendMail(address, nil, "shop@example.com", []string{to}, []byte(body))
}

func call(sink *Sink, method, path string) (int, string) {
	w := httptest.NewRecorder()
	sink.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestMailsAreCountedByTheirID(t *testing.T) {
	sink, address := start(t)
	require.NoError(t, send(address, "<1@example.com>", "ada@example.com"))
	require.NoError(t, send(address, "<2@example.com>", "bob@example.com"))
	require.NoError(t, send(address, "<1@example.com>", "ada@example.com"))

	_, count := call(sink, http.MethodGet, "/messages/count")
	require.JSONEq(t, `{"messages": 3, "unique": 2}`, count)
	_, duplicates := call(sink, http.MethodGet, "/duplicates")
	require.JSONEq(t, `{"messages": 1, "ids": {"<1@example.com>": 2}}`, duplicates)
	require.Len(t, sink.Store.To("ada@example.com"), 2)
	bob := sink.Store.To("bob@example.com")
	require.Len(t, bob, 1)
	require.Equal(t, "Grüße", bob[0].Subject)
	require.Equal(t, "shop@example.com", bob[0].From)

	code, _ := call(sink, http.MethodDelete, "/messages")
	require.Equal(t, http.StatusOK, code)
	_, none := call(sink, http.MethodGet, "/messages?to=ada@example.com")
	require.Equal(t, "[]", none)
}

func TestMailsThatAreRefused(t *testing.T) {
	sink, address := start(t)
	for name, c := range map[string]struct{ body, message string }{
		"no id":     {"Subject: x\r\n\r\nx", "a mail without Message-ID cannot be told from another"},
		"no header": {"\x00\r\n\r\n", "malformed header line"},
	} {
		t.Run(name, func(t *testing.T) {
			err := smtp.SendMail(address, nil, "a@example.com", []string{"b@example.com"}, []byte(c.body))
			require.ErrorContains(t, err, "554")
			require.ErrorContains(t, err, c.message)
		})
	}
	client, err := smtp.Dial(address)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.Hello("shop"))
	require.NoError(t, client.Text.PrintfLine("MAIL FROM:<a@example.com> SIZE=%d", maxMessage+1))
	_, _, err = client.Text.ReadResponse(250)
	require.ErrorContains(t, err, "552")
	messages, _ := sink.Store.Count()
	require.Zero(t, messages)
}

// The delay is a provider's distance: it holds up the sender of each mail and nobody else.
func TestDelay(t *testing.T) {
	sink, address := start(t)
	code, _ := call(sink, http.MethodPost, "/delay?ms=200")
	require.Equal(t, http.StatusOK, code)
	began := time.Now()
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() { require.NoError(t, send(address, fmt.Sprintf("<%d@example.com>", i), "a@example.com")) })
	}
	all.Wait()
	took := time.Since(began)
	require.GreaterOrEqual(t, took, 200*time.Millisecond)
	require.Less(t, took, 900*time.Millisecond)

	for _, wrong := range []string{"", "x", "-1", "60001"} {
		code, text := call(sink, http.MethodPost, "/delay?ms="+wrong)
		require.Equal(t, http.StatusBadRequest, code)
		require.Contains(t, text, "is not between 0 and 60000")
	}
}

func TestMailsOutliveTheSink(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mail.jsonl")
	first := open(t, file)
	require.NoError(t, first.Add(Message{ID: "1", To: []string{"a@example.com"}}))
	require.NoError(t, first.Add(Message{ID: "2", To: []string{"a@example.com"}}))
	require.NoError(t, first.Close())

	// A kill in the middle of a line: that mail was not acknowledged.
	cut, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = cut.WriteString(`{"id":"3"`)
	require.NoError(t, err)
	require.NoError(t, cut.Close())

	second := open(t, file)
	require.NoError(t, second.Add(Message{ID: "2"}))
	require.NoError(t, second.Close())
	third := open(t, file)
	messages, unique := third.Count()
	require.Equal(t, []int{3, 2}, []int{messages, unique})
	require.Equal(t, map[string]int{"2": 2}, third.Duplicates())
	require.NoError(t, third.Clear())
	require.NoError(t, third.Close())
	messages, _ = open(t, file).Count()
	require.Zero(t, messages)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mail.jsonl")
	require.NoError(t, os.WriteFile(file, []byte("{}\nnot json\n"), 0o600))
	_, err := Open(file)
	require.ErrorContains(t, err, "mail.jsonl: at byte 3: invalid character")
	_, err = Open(t.TempDir())
	require.ErrorContains(t, err, "is a directory")
}
